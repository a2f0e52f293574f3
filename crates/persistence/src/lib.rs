//! The store of flowruns on PostgreSQL 15 and newer: runs, flows and idempotency keys.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use flowruns_domain::{RunService, SystemClock};
//! ```

mod columns;
mod connect;
mod dedicated_connection;
mod error;
mod flows;
mod history;
mod idempotency;
mod meter;
pub mod migrate;
mod parameters;
mod pool;
mod query;
mod retry;
mod row;
mod runs;
mod schema_status;
#[cfg(test)]
mod statement_tests;
mod store;
mod writer;

pub use self::{
    connect::{ConnectOptions, Durability},
    schema_status::{SchemaFinding, SchemaStatus},
    store::{PostgresStore, StoreLoad},
};
