//! The properties of a run, and what a report makes of them.

use crate::{
    display_name::DisplayName,
    error_object::PublicError,
    faults::Faults,
    patch::{Field, Nullable, RunPatch},
    property,
    rejection::{Conflict, ConflictCauses, ConflictRule, Fault, PatchRejected, Rule},
    state::RunState,
    statistics::Statistics,
    status::{RunStatus, Transition, TransitionError},
    timestamp::Timestamp,
};

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

impl RunProperties {
    /// These properties after a report that the server received at `now`.
    pub(crate) fn after(&self, patch: &RunPatch, now: Timestamp) -> Result<Self, PatchRejected> {
        let RunPatch {
            display_name,
            start,
            end,
            status,
            blocking_error,
            statistics,
        } = patch;
        let start = start.value().copied().unwrap_or(self.start);
        let mut faults = Faults::default();
        faults.extend(self.end_while_running(status, end));
        faults.extend(self.end_before_start(end, start));
        let blocking_error = faults.collect(match blocking_error {
            Nullable::Absent => Ok(self.blocking_error.clone()),
            Nullable::Null => Ok(None),
            Nullable::Value(patch) => patch.merged_into(self.blocking_error.as_ref()),
        });
        let statistics = faults.collect(match statistics {
            Field::Absent => Ok(self.statistics.clone()),
            Field::Value(patch) => self.statistics.merged(patch),
        });
        let (Some(blocking_error), Some(statistics), true) =
            (blocking_error, statistics, faults.is_empty())
        else {
            return Err(PatchRejected::Invalid(faults.into_vec()));
        };
        let state = self.state_after(status, end, start, now);
        let state = state.map_err(PatchRejected::Conflict)?;
        if blocking_error.is_some() && !state.status().may_hold_blocking_error() {
            return Err(PatchRejected::Conflict(self.blocking_error_conflict()));
        }
        Ok(Self {
            display_name: display_name.value().unwrap_or(&self.display_name).clone(),
            start,
            state,
            blocking_error,
            statistics,
        })
    }

    /// The state that a reported status and end lead to.
    fn state_after(
        &self,
        status: &Field<RunStatus>,
        end: &Nullable<Timestamp>,
        start: Timestamp,
        now: Timestamp,
    ) -> Result<RunState, Conflict> {
        let stored = self.state.status();
        let reported = status.value().copied();
        let transition = stored.report(reported.unwrap_or(stored)).map_err(|error| {
            let causes = match end {
                Nullable::Null => ConflictCauses::StatusAndNullEnd,
                Nullable::Absent | Nullable::Value(_) => ConflictCauses::Status,
            };
            self.conflict(violated_by(error), causes)
        })?;
        match (self.state, transition, end) {
            (_, Transition::End(outcome), Nullable::Value(at))
            | (RunState::Ended { outcome, .. }, Transition::None, Nullable::Value(at)) => {
                Ok(RunState::Ended { outcome, at: *at })
            }
            (_, Transition::End(outcome), Nullable::Absent | Nullable::Null) => {
                let at = now.max(start);
                Ok(RunState::Ended { outcome, at })
            }
            (RunState::Ended { .. }, Transition::None, Nullable::Null) if reported.is_none() => {
                Err(self.conflict(ConflictRule::RunAlreadyEnded, ConflictCauses::NullEnd))
            }
            (state, Transition::None, _) => Ok(state),
        }
    }

    /// An end for a run that stays in progress.
    fn end_while_running(
        &self,
        status: &Field<RunStatus>,
        end: &Nullable<Timestamp>,
    ) -> Option<Fault> {
        let stays_running = self.state == RunState::Running
            && matches!(status, Field::Absent | Field::Value(RunStatus::Running));
        (stays_running && end.value().is_some()).then(|| {
            let message = "the run stays running, so it has no endDateTime; report a terminal status with it, or leave it out";
            Fault::new(Rule::EndDateTimeWithoutEnd, property::END_DATE_TIME, message)
        })
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

fn violated_by(error: TransitionError) -> ConflictRule {
    match error.to {
        RunStatus::Running => ConflictRule::RunAlreadyEnded,
        RunStatus::Ended(_) => ConflictRule::ConflictingOutcome,
    }
}
