//! The meaning of PostgreSQL's errors: the SQLSTATEs that the store distinguishes, each with its name.

use flowruns_domain::store::{StoreError, StoreErrorKind};

use crate::meter;

const SERIALIZATION_FAILURE: &str = "40001";
const DEADLOCK_DETECTED: &str = "40P01";
const LOCK_NOT_AVAILABLE: &str = "55P03";
const QUERY_CANCELED: &str = "57014";
const READ_ONLY_SQL_TRANSACTION: &str = "25006";
const TOO_MANY_CONNECTIONS: &str = "53300";
const UNIQUE_VIOLATION: &str = "23505";
const FEATURE_NOT_SUPPORTED: &str = "0A000";
const INVALID_OBJECT_DEFINITION: &str = "42P17";
const CHECK_VIOLATION: &str = "23514";
const FOREIGN_KEY_VIOLATION: &str = "23503";
/// Class 08: the connection failed.
const CONNECTION_EXCEPTION: &str = "08";
/// Prefix: the server shuts down, crashed, or accepts no connections now (57P01, 57P02, 57P03).
const OPERATOR_INTERVENTION: &str = "57P";
/// The database allows no connections.
const OBJECT_NOT_IN_PREREQUISITE_STATE: &str = "55000";
/// The database does not exist, as while it is replaced by a restored one.
const INVALID_CATALOG_NAME: &str = "3D000";
/// Class 28: the server rejects the role, its password or its host.
const INVALID_AUTHORIZATION: &str = "28";
/// Class 53: out of disk, memory or connections.
const INSUFFICIENT_RESOURCES: &str = "53";

fn sqlstate(error: &sqlx::Error) -> Option<String> {
    error.as_database_error().and_then(|error| error.code()).map(|code| code.into_owned())
}

/// The error of the domain for a failure.
pub(crate) fn store_error(error: sqlx::Error) -> StoreError {
    if matches!(error, sqlx::Error::PoolTimedOut) {
        meter::acquire_timed_out();
    }
    let kind = match (&error, sqlstate(&error).as_deref()) {
        (_, Some(SERIALIZATION_FAILURE | DEADLOCK_DETECTED | LOCK_NOT_AVAILABLE)) => {
            StoreErrorKind::Contention
        }
        (_, Some(QUERY_CANCELED | READ_ONLY_SQL_TRANSACTION)) => StoreErrorKind::Unavailable,
        (_, Some(UNIQUE_VIOLATION | FOREIGN_KEY_VIOLATION | CHECK_VIOLATION)) => {
            StoreErrorKind::Conflict(constraint(&error))
        }
        (_, Some(code)) if code.starts_with(OPERATOR_INTERVENTION) => StoreErrorKind::Unavailable,
        (_, Some(code)) if code.starts_with(CONNECTION_EXCEPTION) => StoreErrorKind::Unavailable,
        (_, Some(code)) if code.starts_with(INSUFFICIENT_RESOURCES) => StoreErrorKind::Unavailable,
        (_, Some(code)) if refuses_connections(code) => StoreErrorKind::Unavailable,
        (_, Some(_)) => StoreErrorKind::Internal,
        (error, None) if is_connection_loss(error) => StoreErrorKind::Unavailable,
        (sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed, None) => StoreErrorKind::Unavailable,
        (_, None) => StoreErrorKind::Internal,
    };
    StoreError::new(kind, error)
}

/// Whether the server refuses to connect to the database, for a reason that its operators can change.
fn refuses_connections(code: &str) -> bool {
    matches!(code, OBJECT_NOT_IN_PREREQUISITE_STATE | INVALID_CATALOG_NAME)
        || code.starts_with(INVALID_AUTHORIZATION)
}

/// Whether the same unit of work may succeed a little later. That excludes a read-only server: another connection may
/// lead to the new primary at once, and a pause would only delay the response.
pub(crate) fn is_transient(error: &sqlx::Error) -> bool {
    match sqlstate(error).as_deref() {
        Some(
            SERIALIZATION_FAILURE | DEADLOCK_DETECTED | LOCK_NOT_AVAILABLE | TOO_MANY_CONNECTIONS,
        ) => true,
        Some(code) => {
            code.starts_with(OPERATOR_INTERVENTION)
                || code.starts_with(CONNECTION_EXCEPTION)
                || refuses_connections(code)
        }
        None => is_connection_loss(error) || matches!(error, sqlx::Error::PoolTimedOut),
    }
}

/// Whether a write that failed with this error may have been committed.
pub(crate) fn outcome_is_unknown(error: &sqlx::Error) -> bool {
    match sqlstate(error).as_deref() {
        Some(code) => {
            code.starts_with(OPERATOR_INTERVENTION) || code.starts_with(CONNECTION_EXCEPTION)
        }
        None => is_connection_loss(error),
    }
}

/// Whether the connection cannot be used any more: it broke, since a failover its server rejects writes, or its statements are
/// outdated.
pub(crate) fn connection_is_lost(error: &sqlx::Error) -> bool {
    outcome_is_unknown(error) || is_read_only(error) || has_outdated_statements(error)
}

/// Whether the session had prepared a statement before a migration changed the type of a column that it returns. PostgreSQL refuses
/// such a statement before it is executed ("cached plan must not change result type"), and the session keeps it. A new session
/// prepares it anew; if that one refuses it too, the statement itself is not supported.
pub(crate) fn has_outdated_statements(error: &sqlx::Error) -> bool {
    sqlstate(error).as_deref() == Some(FEATURE_NOT_SUPPORTED)
}

/// Whether the server rejects writes, as a standby does.
pub(crate) fn is_read_only(error: &sqlx::Error) -> bool {
    sqlstate(error).as_deref() == Some(READ_ONLY_SQL_TRANSACTION)
}

/// Whether a single row of a statement may be the cause, so that the other rows may succeed without it.
pub(crate) fn may_be_of_one_row(error: &StoreError) -> bool {
    matches!(error.kind, StoreErrorKind::Internal | StoreErrorKind::Conflict(_))
}

/// A copy of the error, for another caller of the same statement.
pub(crate) fn repeated(error: &StoreError) -> StoreError {
    StoreError {
        kind: error.kind.clone(),
        source: error.source.as_ref().map(|source| source.to_string().into()),
    }
}

/// Whether the statement was cancelled, as `statement_timeout` does.
pub(crate) fn is_canceled(error: &sqlx::Error) -> bool {
    sqlstate(error).as_deref() == Some(QUERY_CANCELED)
}

/// Whether a row of this id exists.
pub(crate) fn is_unique_violation(error: &sqlx::Error) -> bool {
    sqlstate(error).as_deref() == Some(UNIQUE_VIOLATION)
}

/// Whether a referenced row is missing, or a row is still referenced.
pub(crate) fn is_foreign_key_violation(error: &sqlx::Error) -> bool {
    sqlstate(error).as_deref() == Some(FOREIGN_KEY_VIOLATION)
}

/// Whether the range of a new partition overlaps another partition, or rows of the default one.
pub(crate) fn is_covered_elsewhere(error: &sqlx::Error) -> bool {
    matches!(sqlstate(error).as_deref(), Some(CHECK_VIOLATION | INVALID_OBJECT_DEFINITION))
}

/// Whether the statement did not get a lock within `lock_timeout`.
pub(crate) fn is_lock_not_available(error: &sqlx::Error) -> bool {
    sqlstate(error).as_deref() == Some(LOCK_NOT_AVAILABLE)
}

/// Whether the statement waited in vain for a lock that another session holds: for `lock_timeout`, or in a deadlock. Its
/// transaction was rolled back.
pub(crate) fn has_lost_lock_wait(error: &sqlx::Error) -> bool {
    matches!(sqlstate(error).as_deref(), Some(LOCK_NOT_AVAILABLE | DEADLOCK_DETECTED))
}

fn is_connection_loss(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed)
}

fn constraint(error: &sqlx::Error) -> String {
    let constraint = error.as_database_error().and_then(|error| error.constraint());
    constraint.unwrap_or("of no name").to_owned()
}
