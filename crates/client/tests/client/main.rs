//! The client with the routes of the service in the same process, on a store in memory. Between them is a proxy that loses, delays
//! and repeats requests. The clock of the runtime is paused: waits take no time.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue must fail")]
#![expect(clippy::print_stdout, reason = "a process of a test tells its parent what it did")]

mod blocking;
mod guard;
mod issuer;
mod model;
mod network;
mod proxy;
mod reading;
mod refused_spool;
mod retries;
mod service;
mod spool;
mod statistics;
mod tokens;
mod unknown;
