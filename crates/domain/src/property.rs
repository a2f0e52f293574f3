//! The names of properties on the wire and in the history, and their order.

use crate::rejection::Fault;

/// The key of a flow or a run.
pub const ID: &str = "id";
/// The name.
pub const DISPLAY_NAME: &str = "displayName";
/// When a run started.
pub const START_DATE_TIME: &str = "startDateTime";
/// When a run ended.
pub const END_DATE_TIME: &str = "endDateTime";
/// The status of a run.
pub const STATUS: &str = "status";
/// The publicError of a run.
pub const BLOCKING_ERROR: &str = "blockingError";
/// The open object of a run.
pub const STATISTICS: &str = "statistics";
/// Whether a flow is ready.
pub const READINESS_STATUS: &str = "readinessStatus";
/// What a flow brings in.
pub const DATA_DOMAIN: &str = "dataDomain";
/// From when on a flow may run.
pub const RECURRENCE_EFFECTIVE_DATE_TIME: &str = "recurrenceEffectiveDateTime";
/// Until when a flow may run.
pub const RECURRENCE_EXPIRATION_DATE_TIME: &str = "recurrenceExpirationDateTime";
/// The tag of a flow, as a property.
pub const E_TAG: &str = "eTag";
/// The process that caused a run.
pub const PROCESS: &str = "process";

/// What a client may name in a run, in the order of the specification's table; read-only properties come last.
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
/// What a client may name in a flow, in the order of the specification.
pub const OF_FLOW: [&str; 7] = [
    ID,
    DISPLAY_NAME,
    READINESS_STATUS,
    DATA_DOMAIN,
    RECURRENCE_EFFECTIVE_DATE_TIME,
    RECURRENCE_EXPIRATION_DATE_TIME,
    E_TAG,
];

/// Sorts faults by the property that they are about, in the order of `properties`; those about anything else come last.
pub fn sort_faults(faults: &mut [Fault], properties: &[&str]) {
    faults.sort_by_key(|fault| {
        let property = fault.target.split('/').next();
        let position = properties.iter().position(|known| Some(*known) == property);
        position.unwrap_or(properties.len())
    });
}
