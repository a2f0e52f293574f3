//! A migrated database of one's own, on a private PostgreSQL that all tests of a process share.
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
//! The server lives in a folder of the system's temporary one and dies with the process; the folder is removed by the
//! next process that needs a server.

#![expect(
    clippy::expect_used,
    reason = "a test without its database fails by panicking"
)]

mod cluster;
mod database;
mod folder;
mod template;

pub use self::{cluster::ScratchCluster, database::ScratchDatabase};
