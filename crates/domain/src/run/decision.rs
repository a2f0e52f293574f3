//! Decisions: what a report or a deletion does to a run.

use crate::{
    rejection::Rejection,
    run::{
        diff::changes_between,
        entity::Run,
        event::{Action, PropertyChange, ReportOrigin, RunEvent},
        patch::RunPatch,
        properties::RunProperties,
    },
    version::Precondition,
};

/// A changed run and its history entry. A store writes both or none.
#[derive(Clone, Debug, PartialEq)]
pub struct RunChange {
    /// The run after the change.
    pub run: Run,
    /// The history entry of the change.
    pub event: RunEvent,
}

/// What a report does to a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// The run already has the reported properties, so nothing is written.
    Unchanged,
    /// The run changes.
    Changed(Box<RunChange>),
}

impl Run {
    /// Decides what a report does to this run. The same report on the same run has always the same result.
    ///
    /// # Errors
    ///
    /// [`Rejection`]. Of several reasons it is the first of these: violations of the report by itself, the precondition,
    /// violations of the report on this run, a conflict with the state of the run.
    pub fn decide(
        &self,
        patch: &RunPatch,
        precondition: &impl Precondition,
        origin: &ReportOrigin,
    ) -> Result<Decision, Rejection> {
        let violations = patch.contradictions();
        if !violations.is_empty() {
            return Err(Rejection::Invalid(violations));
        }
        precondition.check(|| self.tag())?;
        let (properties, member_changes) = self.properties.after(patch, origin.received)?;
        if properties == self.properties {
            return Ok(Decision::Unchanged);
        }
        let changes = changes_between(Some(&self.properties), &properties, member_changes);
        Ok(self.changed(properties, Action::Updated, changes, origin))
    }

    /// Decides a deletion of this run.
    ///
    /// # Errors
    ///
    /// [`Rejection`] when the precondition fails.
    pub fn decide_deletion(
        &self,
        precondition: &impl Precondition,
        origin: &ReportOrigin,
    ) -> Result<Decision, Rejection> {
        precondition.check(|| self.tag())?;
        Ok(self.changed(self.properties.clone(), Action::Deleted, Vec::new(), origin))
    }

    fn changed(
        &self,
        properties: RunProperties,
        action: Action,
        changes: Vec<PropertyChange>,
        origin: &ReportOrigin,
    ) -> Decision {
        let version = self.version.next();
        let occurred = origin.received.max(self.modified);
        let run =
            Self { key: self.key, version, created: self.created, modified: occurred, properties };
        let event = event_of(&run, action, changes, origin);
        Decision::Changed(Box::new(RunChange { run, event }))
    }
}

pub(crate) fn event_of(
    run: &Run,
    action: Action,
    changes: Vec<PropertyChange>,
    origin: &ReportOrigin,
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
