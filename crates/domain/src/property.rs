//! The names of properties in JSON and in the history, and their order.

use crate::violation::RuleViolation;

/// The id of a flow or a run.
pub const ID: &str = "id";
/// The display name of a flow or a run.
pub const DISPLAY_NAME: &str = "displayName";
/// When a run started.
pub const START_DATE_TIME: &str = "startDateTime";
/// When a run ended.
pub const END_DATE_TIME: &str = "endDateTime";
/// The status of a run.
pub const STATUS: &str = "status";
/// The publicError of a run.
pub const BLOCKING_ERROR: &str = "blockingError";
/// The statistics of a run, an open object.
pub const STATISTICS: &str = "statistics";
/// Whether a flow is ready.
pub const READINESS_STATUS: &str = "readinessStatus";
/// The kind of data of a flow.
pub const DATA_DOMAIN: &str = "dataDomain";
/// The earliest time at which a flow may run.
pub const RECURRENCE_EFFECTIVE_DATE_TIME: &str = "recurrenceEffectiveDateTime";
/// The time from which on a flow no longer runs.
pub const RECURRENCE_EXPIRATION_DATE_TIME: &str = "recurrenceExpirationDateTime";
/// The entity tag of a flow or a run, as a property.
pub const E_TAG: &str = "eTag";
/// The flow of a run, as a navigation property.
pub const PROCESS: &str = "process";

/// The properties of a run in the order of the specification; read-only properties come last.
pub const OF_RUN: [&str; 9] = [
    ID,
    DISPLAY_NAME,
    START_DATE_TIME,
    END_DATE_TIME,
    STATUS,
    BLOCKING_ERROR,
    STATISTICS,
    PROCESS,
    E_TAG,
];
/// The properties of a flow in the order of the specification.
pub const OF_FLOW: [&str; 7] = [
    ID,
    DISPLAY_NAME,
    READINESS_STATUS,
    DATA_DOMAIN,
    RECURRENCE_EFFECTIVE_DATE_TIME,
    RECURRENCE_EXPIRATION_DATE_TIME,
    E_TAG,
];

/// Sorts violations by their property, in the order of `properties`. Violations of other properties come last.
pub fn sort_violations(violations: &mut [RuleViolation], properties: &[&str]) {
    violations.sort_by_key(|violation| {
        let property = violation.target.split('/').next();
        let position = properties.iter().position(|known| Some(*known) == property);
        position.unwrap_or(properties.len())
    });
}
