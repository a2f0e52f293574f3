//! What the tests of the `flowruns` binary share: the server process, a client for JSON, and one for raw HTTP/1.
//!
//! A test passes the path of the binary in, because cargo sets it only for the tests of the binary's package:
//!
//! ```ignore
//! const FLOWRUNS: Binary = Binary::new(env!("CARGO_BIN_EXE_flowruns"));
//! let server = FLOWRUNS.server().env("FLOWRUNS_HTTP__MAX_CONNECTIONS", "4").start();
//! let flow = server.client().create_flow().await;
//! ```
//!
//! Functions panic where a test cannot continue. Everything reads `/proc`, so it needs Linux.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue must fail")]

mod binary;
mod builder;
mod client;
mod history;
mod http1;
mod log;
mod memory;
mod process;

use std::time::Duration;

pub use self::{
    binary::{Binary, data_folder},
    builder::ServerBuilder,
    client::{ApiClient, ApiResponse},
    history::markers_by_client,
    http1::{
        Exchange, Http1Connection, Http1Response, ResponseHead, exchange, request, request_head,
    },
    memory::ProcessMemory,
    process::{PrintedCall, ServerProcess},
};

/// A wait ends after this time, so that a test that hangs fails instead: far longer than any time-out of a server under test.
pub const DEADLINE: Duration = Duration::from_secs(60);
