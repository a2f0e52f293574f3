//! What a failure of PostgreSQL means: the SQLSTATEs that matter, each by name.

use flowruns_domain::{StoreError, StoreErrorKind};

use crate::meter;

const SERIALIZATION_FAILURE: &str = "40001";
const DEADLOCK_DETECTED: &str = "40P01";
const LOCK_NOT_AVAILABLE: &str = "55P03";
const QUERY_CANCELED: &str = "57014";
const READ_ONLY_SQL_TRANSACTION: &str = "25006";
const TOO_MANY_CONNECTIONS: &str = "53300";
const UNIQUE_VIOLATION: &str = "23505";
const INVALID_OBJECT_DEFINITION: &str = "42P17";
const CHECK_VIOLATION: &str = "23514";
const FOREIGN_KEY_VIOLATION: &str = "23503";
/// Class: the connection failed.
const CONNECTION_EXCEPTION: &str = "08";
/// Prefix: the server shuts down, crashed, or cannot be connected to now (57P01, 57P02, 57P03).
const OPERATOR_INTERVENTION: &str = "57P";
/// Class: out of disk, memory or connections.
const INSUFFICIENT_RESOURCES: &str = "53";

fn sqlstate(error: &sqlx::Error) -> Option<String> {
    error
        .as_database_error()
        .and_then(|error| error.code())
        .map(|code| code.into_owned())
}

/// The failure as the domain knows it.
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
        (_, Some(_)) => StoreErrorKind::Internal,
        (error, None) if is_connection_loss(error) => StoreErrorKind::Unavailable,
        (sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed, None) => StoreErrorKind::Unavailable,
        (_, None) => StoreErrorKind::Internal,
    };
    StoreError::new(kind, error)
}

/// Whether the same unit of work may succeed a little later. A server that takes no writes is left to the caller: another
/// session may lead to the new primary, but waiting for one would keep the request for nothing.
pub(crate) fn is_transient(error: &sqlx::Error) -> bool {
    match sqlstate(error).as_deref() {
        Some(
            SERIALIZATION_FAILURE | DEADLOCK_DETECTED | LOCK_NOT_AVAILABLE | TOO_MANY_CONNECTIONS,
        ) => true,
        Some(code) => {
            code.starts_with(OPERATOR_INTERVENTION) || code.starts_with(CONNECTION_EXCEPTION)
        }
        None => is_connection_loss(error) || matches!(error, sqlx::Error::PoolTimedOut),
    }
}

/// Whether a write that failed so may have been committed all the same.
pub(crate) fn outcome_is_unknown(error: &sqlx::Error) -> bool {
    match sqlstate(error).as_deref() {
        Some(code) => {
            code.starts_with(OPERATOR_INTERVENTION) || code.starts_with(CONNECTION_EXCEPTION)
        }
        None => is_connection_loss(error),
    }
}

/// Whether the session is no good any more: it died, or it is one of a server that takes no writes since a failover.
pub(crate) fn connection_is_lost(error: &sqlx::Error) -> bool {
    outcome_is_unknown(error) || is_read_only(error)
}

/// Whether the server takes no writes, such as a standby.
pub(crate) fn is_read_only(error: &sqlx::Error) -> bool {
    sqlstate(error).as_deref() == Some(READ_ONLY_SQL_TRANSACTION)
}

/// Whether one of many rows in a statement may be the cause, so that the others are worth another attempt.
pub(crate) fn may_be_of_one_row(error: &StoreError) -> bool {
    matches!(
        error.kind,
        StoreErrorKind::Internal | StoreErrorKind::Conflict(_)
    )
}

/// The failure once more, for another who waits for the same statement.
pub(crate) fn repeated(error: &StoreError) -> StoreError {
    StoreError {
        kind: error.kind.clone(),
        source: error
            .source
            .as_ref()
            .map(|source| source.to_string().into()),
    }
}

/// Whether the statement was ended because it took too long.
pub(crate) fn is_canceled(error: &sqlx::Error) -> bool {
    sqlstate(error).as_deref() == Some(QUERY_CANCELED)
}

/// Whether the id is there already.
pub(crate) fn is_unique_violation(error: &sqlx::Error) -> bool {
    sqlstate(error).as_deref() == Some(UNIQUE_VIOLATION)
}

/// Whether a row that is referred to is not there, or is still referred to.
pub(crate) fn is_foreign_key_violation(error: &sqlx::Error) -> bool {
    sqlstate(error).as_deref() == Some(FOREIGN_KEY_VIOLATION)
}

/// Whether a new month is already covered: by another partition, or by rows of the default one.
pub(crate) fn is_covered_elsewhere(error: &sqlx::Error) -> bool {
    matches!(
        sqlstate(error).as_deref(),
        Some(CHECK_VIOLATION | INVALID_OBJECT_DEFINITION)
    )
}

fn is_connection_loss(error: &sqlx::Error) -> bool {
    matches!(
        error,
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed
    )
}

fn constraint(error: &sqlx::Error) -> String {
    let constraint = error
        .as_database_error()
        .and_then(|error| error.constraint());
    constraint.unwrap_or("of no name").to_owned()
}
