//! Whether a store can serve now, and what it lacks.

use thiserror::Error;

use crate::store::StoreError;

/// Why a store cannot serve now, in words for operators.
#[derive(Debug, Error)]
pub enum NotReady {
    /// It cannot be asked.
    #[error("the database is away")]
    Unavailable(#[from] StoreError),
    /// It takes no writes.
    #[error("the database is a standby or read-only, and takes no writes")]
    Standby,
    /// Serving needs more sessions than the database grants.
    #[error(
        "no session of the database to {purpose}; raise max_connections or the role's CONNECTION LIMIT if all are taken"
    )]
    NoSession {
        /// What the session is for; completes "a session to …".
        purpose: &'static str,
        /// Why it cannot be opened.
        source: StoreError,
    },
    /// Its texts are in another encoding than UTF-8.
    #[error("{}", unsuitable_encoding(.0))]
    Encoding(String),
    /// Migrations are missing.
    #[error("migrations {} are pending", listed(.0))]
    Pending(Vec<i64>),
    /// Migrations have another text than the one that was applied.
    #[error("migrations {} were changed after they were applied", listed(.0))]
    Changed(Vec<i64>),
}

/// What is wrong with a database of this encoding, and what to do.
pub fn unsuitable_encoding(encoding: &str) -> String {
    format!(
        "the database has the encoding {encoding} and must have UTF8: create another one with CREATE DATABASE … \
        ENCODING 'UTF8' TEMPLATE template0, and move the data there"
    )
}

fn listed(versions: &[i64]) -> String {
    let versions: Vec<_> = versions.iter().map(ToString::to_string).collect();
    versions.join(", ")
}
