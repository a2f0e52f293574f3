//! A run, and what a report does to it.

use crate::{
    display_name::DisplayName,
    error_object::PublicError,
    event::{Action, Origin, PropertyChange, RunEvent, Version},
    id::{RunId, RunKey},
    patch::{Field, Nullable, RunPatch},
    precondition::{EntityTag, Precondition},
    property,
    rejection::{Conflict, ConflictCauses, ConflictRule, Fault, PatchRejected, Rule},
    run_change::changes_between,
    state::RunState,
    statistics::Statistics,
    status::{RunStatus, Transition, TransitionError},
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

/// The properties of a run that a report may change.
#[derive(Clone, Debug, PartialEq)]
pub struct RunProperties {
    /// The name.
    pub display_name: DisplayName,
    /// When the run started.
    pub start: Timestamp,
    /// Whether it is in progress, and how and when it ended.
    pub state: RunState,
    /// A critical failure.
    pub blocking_error: Option<PublicError>,
    /// What the flow counted.
    pub statistics: Statistics,
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
        let properties = self.apply(patch, origin.received)?;
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

    /// The properties after the report, or why there are none.
    fn apply(&self, patch: &RunPatch, now: Timestamp) -> Result<RunProperties, PatchRejected> {
        let stored = &self.properties;
        let RunPatch {
            display_name,
            start,
            end,
            status,
            blocking_error,
            statistics,
        } = patch;
        let start = start.value().copied().unwrap_or(stored.start);

        let mut faults = Vec::new();
        let state = match stored.state_after(status, end, start, now) {
            Err(StateRejected::Fault(fault)) => {
                faults.push(fault);
                Ok(stored.state)
            }
            Err(StateRejected::Conflict(conflict)) => Err(conflict),
            Ok(state) => Ok(state),
        };
        faults.extend(stored.end_before_start(end, start));
        let blocking_error = match blocking_error {
            Nullable::Absent => Ok(stored.blocking_error.clone()),
            Nullable::Null => Ok(None),
            Nullable::Value(patch) => patch.merged_into(stored.blocking_error.as_ref()),
        };
        let blocking_error = blocking_error.unwrap_or_else(|fault| {
            faults.push(fault);
            None
        });
        let statistics = match statistics {
            Field::Absent => Ok(stored.statistics.clone()),
            Field::Value(patch) => stored.statistics.merged(patch),
        };
        let statistics = statistics.unwrap_or_else(|fault| {
            faults.push(fault);
            Statistics::default()
        });
        if !faults.is_empty() {
            return Err(PatchRejected::Invalid(faults));
        }

        let state = state.map_err(PatchRejected::Conflict)?;
        if blocking_error.is_some() && !state.status().may_hold_blocking_error() {
            return Err(PatchRejected::Conflict(stored.blocking_error_conflict()));
        }
        let display_name = display_name.value().unwrap_or(&stored.display_name).clone();
        Ok(RunProperties {
            display_name,
            start,
            state,
            blocking_error,
            statistics,
        })
    }
}

enum StateRejected {
    Fault(Fault),
    Conflict(Conflict),
}

impl RunProperties {
    /// The state that a reported status and end lead to.
    fn state_after(
        &self,
        status: &Field<RunStatus>,
        end: &Nullable<Timestamp>,
        start: Timestamp,
        now: Timestamp,
    ) -> Result<RunState, StateRejected> {
        let stored = self.state.status();
        let reported = status.value().copied();
        let transition = stored.report(reported.unwrap_or(stored)).map_err(|error| {
            let causes = match end {
                Nullable::Null => ConflictCauses::StatusAndNullEnd,
                Nullable::Absent | Nullable::Value(_) => ConflictCauses::Status,
            };
            StateRejected::Conflict(self.conflict(refused_by(error), causes))
        })?;
        match (self.state, transition, end) {
            (_, Transition::End(outcome), Nullable::Value(at)) => {
                Ok(RunState::Ended { outcome, at: *at })
            }
            (_, Transition::End(outcome), _) => Ok(RunState::Ended {
                outcome,
                at: now.max(start),
            }),
            (RunState::Running, Transition::None, Nullable::Value(_)) => {
                Err(StateRejected::Fault(Fault::new(
                    Rule::EndDateTimeWithoutEnd,
                    property::END_DATE_TIME,
                    "the run stays running, so it has no endDateTime; report a terminal status with it, or leave it out",
                )))
            }
            (RunState::Ended { outcome, .. }, Transition::None, Nullable::Value(at)) => {
                Ok(RunState::Ended { outcome, at: *at })
            }
            (RunState::Ended { .. }, Transition::None, Nullable::Null) if reported.is_none() => {
                Err(StateRejected::Conflict(self.conflict(
                    ConflictRule::RunAlreadyEnded,
                    ConflictCauses::NullEnd,
                )))
            }
            (state, Transition::None, _) => Ok(state),
        }
    }

    /// A start or an end that the other, sent or stored, does not allow.
    fn end_before_start(&self, sent_end: &Nullable<Timestamp>, start: Timestamp) -> Option<Fault> {
        match sent_end.value() {
            Some(end) => (*end < start).then(|| Fault::end_before_start(*end, start)),
            None => {
                let end = self.state.end()?;
                (end < start).then(|| Fault::start_after_end(start, end))
            }
        }
    }

    fn blocking_error_conflict(&self) -> Conflict {
        let rule = match self.state {
            RunState::Running => ConflictRule::BlockingErrorStored,
            RunState::Ended { .. } => ConflictRule::BlockingErrorNotAllowed,
        };
        self.conflict(rule, ConflictCauses::BlockingError)
    }

    fn conflict(&self, rule: ConflictRule, causes: ConflictCauses) -> Conflict {
        let stored = self.state.status();
        let can_follow = |status: &RunStatus| {
            stored.report(*status).is_ok()
                && (self.blocking_error.is_none() || status.may_hold_blocking_error())
        };
        Conflict {
            rule,
            causes,
            stored,
            reached: self.state.end().unwrap_or(self.start),
            allowed: RunStatus::ALL.into_iter().filter(can_follow).collect(),
        }
    }
}

fn refused_by(error: TransitionError) -> ConflictRule {
    match error.to {
        RunStatus::Running => ConflictRule::RunAlreadyEnded,
        RunStatus::Ended(_) => ConflictRule::ConflictingOutcome,
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
