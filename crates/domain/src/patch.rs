//! What a caller wants changed: absent, null and value are three things.

use crate::{
    display_name::DisplayName,
    error_object::PublicErrorPatch,
    json::JsonObject,
    property,
    rejection::{Fault, Rule},
    status::{RunStatus, Urgency},
    timestamp::Timestamp,
};

/// A property that cannot be cleared: absent, or a value.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Field<T> {
    /// Not named: keeps its value.
    #[default]
    Absent,
    /// The new value.
    Value(T),
}

impl<T> Field<T> {
    /// The value, if one was sent.
    pub const fn value(&self) -> Option<&T> {
        match self {
            Self::Absent => None,
            Self::Value(value) => Some(value),
        }
    }
}

/// A property that can be cleared: absent, null, or a value.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Nullable<T> {
    /// Not named: keeps its value.
    #[default]
    Absent,
    /// Cleared.
    Null,
    /// The new value.
    Value(T),
}

impl<T> Nullable<T> {
    /// The value, if one was sent.
    pub const fn value(&self) -> Option<&T> {
        match self {
            Self::Absent | Self::Null => None,
            Self::Value(value) => Some(value),
        }
    }
}

/// A report on a run. A default patch changes nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunPatch {
    /// Replaces the name.
    pub display_name: Field<DisplayName>,
    /// Replaces the start.
    pub start: Field<Timestamp>,
    /// Sets the end; null is what a run in progress has.
    pub end: Nullable<Timestamp>,
    /// The reported status.
    pub status: Field<RunStatus>,
    /// Merged into the stored error, or clears it.
    pub blocking_error: Nullable<PublicErrorPatch>,
    /// Merged into the stored statistics.
    pub statistics: Field<JsonObject>,
}

impl RunPatch {
    /// Whether it ends a run, as far as it says so itself.
    pub const fn urgency(&self) -> Urgency {
        match self.status {
            Field::Value(status) => status.urgency(),
            Field::Absent => Urgency::Ordinary,
        }
    }

    /// The faults that no stored run can heal, so that they are found before one is read.
    pub fn contradictions(&self) -> Vec<Fault> {
        contradictions(
            self.start.value().copied(),
            self.end.value().copied(),
            self.status.value().copied(),
            self.blocking_error.value(),
        )
    }
}

/// The faults of properties that exclude each other, whatever run is stored.
pub(crate) fn contradictions(
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    status: Option<RunStatus>,
    blocking_error: Option<&PublicErrorPatch>,
) -> Vec<Fault> {
    let mut faults = Vec::new();
    if let (Some(start), Some(end)) = (start, end)
        && end < start
    {
        faults.push(Fault::end_before_start(end, start));
    }
    if let (Some(status), Some(error)) = (status, blocking_error)
        && !status.may_hold_blocking_error()
        && error.sets_a_value()
    {
        faults.push(Fault::blocking_error_not_allowed(status));
    }
    faults
}

impl Fault {
    /// An end that was sent and is before the start, sent or stored.
    pub(crate) fn end_before_start(end: Timestamp, start: Timestamp) -> Self {
        let message = format!(
            "endDateTime {end} is before startDateTime {start}; send an end that is not earlier"
        );
        Self::new(Rule::EndBeforeStart, property::END_DATE_TIME, message)
    }

    /// A start that was sent and is after the stored end.
    pub(crate) fn start_after_end(start: Timestamp, end: Timestamp) -> Self {
        let message = format!(
            "startDateTime {start} is after the stored endDateTime {end}; send a start that is not later, or a later endDateTime too"
        );
        Self::new(Rule::EndBeforeStart, property::START_DATE_TIME, message)
    }

    /// An end of a creation without a start, which is the time of the creation by default.
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
        Self::new(
            Rule::BlockingErrorNotAllowed,
            property::BLOCKING_ERROR,
            message,
        )
    }
}
