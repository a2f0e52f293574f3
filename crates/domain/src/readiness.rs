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
    #[error("the database is a standby and takes no writes")]
    Standby,
    /// Migrations are missing.
    #[error("migrations {} are pending", listed(.0))]
    Pending(Vec<i64>),
    /// Migrations have another text than the one that was applied.
    #[error("migrations {} were changed after they were applied", listed(.0))]
    Changed(Vec<i64>),
}

fn listed(versions: &[i64]) -> String {
    let versions: Vec<_> = versions.iter().map(ToString::to_string).collect();
    versions.join(", ")
}
