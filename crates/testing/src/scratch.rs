//! A new migrated database for a test, on a private PostgreSQL that all tests of a process share.
//!
//! ```no_run
//! use flowruns_testing::scratch::ScratchDatabase;
//!
//! # async fn test() {
//! let database = ScratchDatabase::create().await;
//! let store = database.store().await;
//! # drop(store);
//! # }
//! ```
//!
//! The server has a temporary folder and ends with the process; the next process that needs a server removes the folder.

#![expect(clippy::expect_used, reason = "a test without its database fails by panicking")]

mod cluster;
mod database;
mod folder;
mod statement_log;
mod template;

pub use self::{cluster::ScratchCluster, database::ScratchDatabase, statement_log::StatementLog};
