//! Connections of the real process: clients that are slow, silent, hostile or many must not harm the others.
//!
//! Timeouts are short here, and the tests wait only for what the server does: a response, or the end of a connection.
#![expect(clippy::unwrap_used, reason = "a test that cannot continue must fail")]

mod client;
mod connection_limit;
mod drain;
mod flood;
mod frames;
mod half_close;
mod heads;
mod http2;
mod memory;
mod read_rate;
mod server;
mod timeouts;
mod tls;

use flowruns_testing::harness::Binary;

pub(crate) const FLOWRUNS: Binary = Binary::new(env!("CARGO_BIN_EXE_flowruns"));
