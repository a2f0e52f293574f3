//! A run, and what a report does to it.

use crate::{
    display_name::DisplayName,
    event::{Action, Origin, PropertyChange, RunEvent, Version},
    id::{RunId, RunKey},
    patch::RunPatch,
    precondition::{EntityTag, Precondition},
    rejection::PatchRejected,
    run_change::changes_between,
    run_properties::RunProperties,
    state::RunState,
    timestamp::Timestamp,
};

/// One execution of a flow.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Where it lives.
    pub key: RunKey,
    /// Which of its states this is.
    pub version: Version,
    /// When it was created, by the server's clock.
    pub created: Timestamp,
    /// When it got this version, by the server's clock; never backwards.
    pub modified: Timestamp,
    /// What a report may change.
    pub properties: RunProperties,
}

/// What a list shows of a run. Its jsonb columns are not read.
#[derive(Clone, Debug, PartialEq)]
pub struct RunSummary {
    /// Where it lives.
    pub key: RunKey,
    /// Which of its states this is.
    pub version: Version,
    /// The name.
    pub display_name: DisplayName,
    /// When the run started.
    pub start: Timestamp,
    /// Whether it is in progress, and how and when it ended.
    pub state: RunState,
}

/// A changed run and its history entry: one unit, to be stored whole or not at all.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The run after the change.
    pub run: Run,
    /// The entry for it.
    pub event: RunEvent,
}

/// What a report comes to.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// The run already is what was reported: nothing is written.
    Unchanged,
    /// The run changes.
    Changed(Box<Change>),
}

/// The tag of a version of a run: of no other run, and of no flow.
pub fn run_tag(key: RunKey, version: Version) -> EntityTag {
    let (flow, run) = (key.flow.uuid().simple(), key.run.uuid().simple());
    EntityTag::new(format!("{flow}.{run}.{version}"))
}

impl Run {
    /// The tag of this version.
    pub fn tag(&self) -> EntityTag {
        run_tag(self.key, self.version)
    }

    /// What a report does to this run. Pure: the same report on the same run comes to the same.
    ///
    /// # Errors
    ///
    /// [`PatchRejected`]; of several reasons first what is wrong with the report alone, then the precondition, then what is
    /// wrong with the report on this run, then the conflict.
    pub fn decide(
        &self,
        patch: &RunPatch,
        precondition: &impl Precondition,
        origin: &Origin,
    ) -> Result<Decision, PatchRejected> {
        let faults = patch.contradictions();
        if !faults.is_empty() {
            return Err(PatchRejected::Invalid(faults));
        }
        precondition.check(|| self.tag())?;
        let properties = self.properties.after(patch, origin.received)?;
        if properties == self.properties {
            return Ok(Decision::Unchanged);
        }
        let changes = changes_between(Some(&self.properties), &properties);
        Ok(self.changed(properties, Action::Updated, changes, origin))
    }

    /// What a deletion does to this run.
    ///
    /// # Errors
    ///
    /// [`PatchRejected`] when the precondition does not hold.
    pub fn decide_deletion(
        &self,
        precondition: &impl Precondition,
        origin: &Origin,
    ) -> Result<Decision, PatchRejected> {
        precondition.check(|| self.tag())?;
        Ok(self.changed(self.properties.clone(), Action::Deleted, Vec::new(), origin))
    }

    fn changed(
        &self,
        properties: RunProperties,
        action: Action,
        changes: Vec<PropertyChange>,
        origin: &Origin,
    ) -> Decision {
        let version = self.version.next();
        let occurred = origin.received.max(self.modified);
        let run = Self {
            key: self.key,
            version,
            created: self.created,
            modified: occurred,
            properties,
        };
        let event = event_of(&run, action, changes, origin);
        Decision::Changed(Box::new(Change { run, event }))
    }
}

pub(crate) fn event_of(
    run: &Run,
    action: Action,
    changes: Vec<PropertyChange>,
    origin: &Origin,
) -> RunEvent {
    RunEvent {
        id: origin.event,
        key: run.key,
        version: run.version,
        occurred: run.modified,
        actor: origin.actor.clone(),
        request: origin.request,
        action,
        changes,
    }
}

impl RunSummary {
    /// The tag of this version.
    pub fn tag(&self) -> EntityTag {
        run_tag(self.key, self.version)
    }

    /// The id.
    pub const fn id(&self) -> RunId {
        self.key.run
    }
}
