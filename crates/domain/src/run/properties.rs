//! The properties of a run, and how a report changes them.

use crate::{
    display_name::DisplayName,
    patch::{Field, Nullable},
    property,
    rejection::{Conflict, ConflictCauses, ConflictRule, Rejection},
    run::{
        event::PropertyChange,
        patch::RunPatch,
        public_error::PublicError,
        state::RunState,
        statistics::Statistics,
        status::{RunStatus, Transition, TransitionError},
    },
    timestamp::Timestamp,
    violation::{Rule, RuleViolation, Violations},
};

/// The properties of a run that a report may change.
#[derive(Clone, Debug, PartialEq)]
pub struct RunProperties {
    /// The display name.
    pub display_name: DisplayName,
    /// When the run started.
    pub start: Timestamp,
    /// Status and end.
    pub state: RunState,
    /// A critical failure, if there was one.
    pub blocking_error: Option<PublicError>,
    /// What the flow reported about its work.
    pub statistics: Statistics,
}

impl RunProperties {
    /// Applies a report that the server received at `now`. Also returns the changes of members of statistics.
    pub(crate) fn after(
        &self,
        patch: &RunPatch,
        now: Timestamp,
    ) -> Result<(Self, Vec<PropertyChange>), Rejection> {
        let RunPatch { display_name, start, end, status, blocking_error, statistics } = patch;
        let start = start.value().copied().unwrap_or(self.start);
        let mut violations = Violations::default();
        violations.extend(self.end_while_running(status, end));
        violations.extend(self.end_before_start(end, start));
        let blocking_error = violations.collect(match blocking_error {
            Nullable::Absent => Ok(self.blocking_error.clone()),
            Nullable::Null => Ok(None),
            Nullable::Value(patch) => patch.merged_into(self.blocking_error.as_ref()),
        });
        let statistics = violations.collect(match statistics {
            Field::Absent => Ok((self.statistics.clone(), Vec::new())),
            Field::Value(patch) => self.statistics.merged_with_changes(patch),
        });
        let (Some(blocking_error), Some((statistics, member_changes)), true) =
            (blocking_error, statistics, violations.is_empty())
        else {
            return Err(Rejection::Invalid(violations.into_vec()));
        };
        let state = self.state_after(status, end, start, now);
        let state = state.map_err(Rejection::Conflict)?;
        if blocking_error.is_some() && !state.status().may_hold_blocking_error() {
            return Err(Rejection::Conflict(self.blocking_error_conflict()));
        }
        let display_name = display_name.value().unwrap_or(&self.display_name).clone();
        let properties = Self { display_name, start, state, blocking_error, statistics };
        Ok((properties, member_changes))
    }

    /// The state after the reported status and end.
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

    /// The violation by an end for a run that stays in progress.
    fn end_while_running(
        &self,
        status: &Field<RunStatus>,
        end: &Nullable<Timestamp>,
    ) -> Option<RuleViolation> {
        let stays_running = self.state == RunState::Running
            && matches!(status, Field::Absent | Field::Value(RunStatus::Running));
        (stays_running && end.value().is_some()).then(|| {
            let message = "the run stays running, so it has no endDateTime; report a terminal status with it, or leave it out";
            RuleViolation::new(Rule::EndDateTimeWithoutEnd, property::END_DATE_TIME, message)
        })
    }

    /// An end before the start, where at least one of them was sent.
    fn end_before_start(
        &self,
        sent_end: &Nullable<Timestamp>,
        start: Timestamp,
    ) -> Option<RuleViolation> {
        match sent_end.value() {
            Some(end) => (*end < start).then(|| RuleViolation::end_before_start(*end, start)),
            None => {
                let end = self.state.end()?;
                (end < start).then(|| RuleViolation::start_after_end(start, end))
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
