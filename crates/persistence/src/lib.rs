//! Runs and flows of flowruns in PostgreSQL 15 and newer.
//!
//! ```no_run
//! use flowruns_domain::RunStore;
//! use flowruns_persistence::{ConnectOptions, PostgresStore};
//!
//! # async fn example(key: flowruns_domain::RunKey) -> Result<(), Box<dyn std::error::Error>> {
//! let options = ConnectOptions::from_url("postgres://flowruns_service@localhost/flowruns")?;
//! let store = PostgresStore::connect(&options).await?;
//! let run = store.find_run(key).await?;
//! # Ok(())
//! # }
//! ```

mod parameters;
mod schema_status;
mod connect;
mod create;
mod error;
mod flows;
mod history;
mod idempotency;
mod meter;
pub mod migrate;
mod pool;
mod query;
mod retry;
mod row;
mod runs;
mod dedicated_connection;
mod store;
mod writer;

pub use self::{
    schema_status::{SchemaStatus, StoreLoad},
    connect::{ConnectOptions, Durability},
    store::PostgresStore,
};
