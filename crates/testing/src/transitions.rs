//! The table of the contract: the effect of a reported status on a run with a stored status.

use ExpectedTransition::{End, None, Rejected};

/// The effect of a report.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ExpectedTransition {
    /// The status stays as it is, and the other properties are merged.
    None,
    /// The run ends with the reported status.
    End,
    /// The report is rejected with this code: an ended run keeps its status.
    Rejected(&'static str),
}

const ALREADY_ENDED: ExpectedTransition = Rejected("runAlreadyEnded");
const CONFLICTING: ExpectedTransition = Rejected("conflictingOutcome");

/// The stored status, the reported status, and the effect, for each pair of statuses.
///
/// ```
/// use flowruns_testing::transitions::{ExpectedTransition, TRANSITIONS};
///
/// assert!(TRANSITIONS.contains(&("running", "failed", ExpectedTransition::End)));
/// ```
#[rustfmt::skip]
pub const TRANSITIONS: [(&str, &str, ExpectedTransition); 25] = [
    ("running",               "running",               None),
    ("running",               "completed",             End),
    ("running",               "completedWithWarnings", End),
    ("running",               "completedWithErrors",   End),
    ("running",               "failed",                End),
    ("completed",             "running",               ALREADY_ENDED),
    ("completed",             "completed",             None),
    ("completed",             "completedWithWarnings", CONFLICTING),
    ("completed",             "completedWithErrors",   CONFLICTING),
    ("completed",             "failed",                CONFLICTING),
    ("completedWithWarnings", "running",               ALREADY_ENDED),
    ("completedWithWarnings", "completed",             CONFLICTING),
    ("completedWithWarnings", "completedWithWarnings", None),
    ("completedWithWarnings", "completedWithErrors",   CONFLICTING),
    ("completedWithWarnings", "failed",                CONFLICTING),
    ("completedWithErrors",   "running",               ALREADY_ENDED),
    ("completedWithErrors",   "completed",             CONFLICTING),
    ("completedWithErrors",   "completedWithWarnings", CONFLICTING),
    ("completedWithErrors",   "completedWithErrors",   None),
    ("completedWithErrors",   "failed",                CONFLICTING),
    ("failed",                "running",               ALREADY_ENDED),
    ("failed",                "completed",             CONFLICTING),
    ("failed",                "completedWithWarnings", CONFLICTING),
    ("failed",                "completedWithErrors",   CONFLICTING),
    ("failed",                "failed",                None),
];
