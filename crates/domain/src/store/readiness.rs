//! All ports together, and the readiness of a store.

use async_trait::async_trait;
use thiserror::Error;

use crate::{
    dashboard::DashboardStore,
    store::{error::StoreError, flow::FlowStore, idempotency::IdempotencyStore, run::RunStore},
};

/// A store with everything that the services and the dashboard need.
#[async_trait]
pub trait Store: RunStore + FlowStore + IdempotencyStore + DashboardStore {
    /// Checks that the store can serve requests now.
    async fn check(&self) -> Result<(), NotReady>;
}

/// Why a store cannot serve requests now, for operators.
#[derive(Debug, Error)]
pub enum NotReady {
    /// The database cannot be reached.
    #[error("the database cannot be reached")]
    Unavailable(#[from] StoreError),
    /// The database accepts no writes.
    #[error("the database is a standby or read-only, and takes no writes")]
    Standby,
    /// A session that the store needs cannot be opened.
    #[error(
        "no session of the database to {purpose}; raise max_connections or the role's CONNECTION LIMIT if all are in use"
    )]
    NoSession {
        /// What the session is for; completes "a session to …".
        purpose: &'static str,
        /// Why it cannot be opened.
        source: StoreError,
    },
    /// The database has another encoding than UTF-8.
    #[error("{}", unsuitable_encoding(.0))]
    Encoding(String),
    /// Migrations have not been applied.
    #[error("migrations {} are pending", listed(.0))]
    Pending(Vec<i64>),
    /// Migrations were changed after they were applied.
    #[error("migrations {} were changed after they were applied", listed(.0))]
    Changed(Vec<i64>),
}

/// The message for a database with an encoding other than UTF8.
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
