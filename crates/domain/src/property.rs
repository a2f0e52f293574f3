//! The names of properties on the wire and in the history.

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
