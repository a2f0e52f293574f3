//! A report on a run.

use crate::{
    display_name::DisplayName,
    json::value::JsonObject,
    patch::{Field, Nullable},
    property,
    run::{
        public_error::PublicErrorPatch,
        status::{RunStatus, Urgency},
    },
    timestamp::Timestamp,
    violation::{Rule, RuleViolation},
};

/// A report on a run. A default patch changes nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunPatch {
    /// Replaces the display name.
    pub display_name: Field<DisplayName>,
    /// Replaces the start.
    pub start: Field<Timestamp>,
    /// Replaces the end. Null is accepted while the run is in progress.
    pub end: Nullable<Timestamp>,
    /// The reported status.
    pub status: Field<RunStatus>,
    /// Merged into the stored error; null removes it.
    pub blocking_error: Nullable<PublicErrorPatch>,
    /// Merged into the stored statistics.
    pub statistics: Field<JsonObject>,
}

impl RunPatch {
    /// The urgency of this report. Whether the stored run has ended is not known here.
    pub const fn urgency(&self) -> Urgency {
        match self.status {
            Field::Value(status) => status.urgency(),
            Field::Absent => Urgency::Ordinary,
        }
    }

    /// The violations that do not depend on the stored run.
    pub fn contradictions(&self) -> Vec<RuleViolation> {
        contradictions(
            self.start.value().copied(),
            self.end.value().copied(),
            self.status.value().copied(),
            self.blocking_error.value(),
        )
    }
}

/// The violations between properties of one report or creation.
pub(crate) fn contradictions(
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    status: Option<RunStatus>,
    blocking_error: Option<&PublicErrorPatch>,
) -> Vec<RuleViolation> {
    let mut violations = Vec::new();
    if let (Some(start), Some(end)) = (start, end)
        && end < start
    {
        violations.push(RuleViolation::end_before_start(end, start));
    }
    if let (Some(status), Some(error)) = (status, blocking_error)
        && !status.may_hold_blocking_error()
        && error.sets_a_value()
    {
        violations.push(RuleViolation::blocking_error_not_allowed(status));
    }
    violations
}

impl RuleViolation {
    /// The sent end is before the sent or stored start.
    pub(crate) fn end_before_start(end: Timestamp, start: Timestamp) -> Self {
        let message = format!(
            "endDateTime {end} is before startDateTime {start}; send an end that is not earlier"
        );
        Self::new(Rule::EndBeforeStart, property::END_DATE_TIME, message)
    }

    /// The sent start is after the stored end.
    pub(crate) fn start_after_end(start: Timestamp, end: Timestamp) -> Self {
        let message = format!(
            "startDateTime {start} is after the stored endDateTime {end}; send a start that is not later, or a later endDateTime too"
        );
        Self::new(Rule::EndBeforeStart, property::START_DATE_TIME, message)
    }

    /// The end of a creation without a start is before its default, the time of the creation.
    pub(crate) fn end_before_default_start(end: Timestamp, start: Timestamp) -> Self {
        let message = format!(
            "endDateTime {end} is before startDateTime, which is now, {start}, when it is left out; send startDateTime too"
        );
        Self::new(Rule::EndBeforeStart, property::END_DATE_TIME, message)
    }

    pub(crate) fn blocking_error_not_allowed(status: RunStatus) -> Self {
        let message = format!(
            "a run that is {status} has no blockingError; leave it out, or report completedWithErrors or failed"
        );
        Self::new(Rule::BlockingErrorNotAllowed, property::BLOCKING_ERROR, message)
    }
}
