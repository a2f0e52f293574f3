//! Attacks on a real server process: each holds connections, memory or CPU, while other callers send ordinary requests and
//! `/livez` is probed.
//!
//! | attack | file |
//! |---|---|
//! | bodies that are sent one byte at a time | `slow_bodies` |
//! | responses that are read slowly, or not at all | `unread_responses` |
//! | requests with millions of parts, or with parts that cost much | `large_inputs` |
//! | pages of a history that would be very large | `large_history` |
//! | connections and streams that are held, floods of requests that are rejected | `connections` |
//! | long requests beside many small ones | `mixed_load` |
//!
//! What must hold under each of them:
//!
//! - `/livez` is answered on new connections;
//! - the requests of another tenant, and of another application of the same tenant, are not rejected;
//! - the server ends connections that make no progress;
//! - its resident memory stays below `limits.bytes` and 64 MiB;
//! - afterwards nothing is in flight, nothing that was acknowledged is lost, and nothing has panicked.
//!
//! The attacks run one at a time. The command prints a row for each, with the memory over time:
//!
//! ```sh
//! cargo test -p flowruns-server --test attacks -- --nocapture
//! ```
//!
//! At full size, and with the strict bound of 250 ms for `/livez`, which only a release build on an idle machine can keep:
//!
//! ```sh
//! FLOWRUNS_ATTACKS_SCALE=5 FLOWRUNS_ATTACKS_STRICT=1 cargo test --release -p flowruns-server --test attacks -- --nocapture
//! ```
#![expect(clippy::unwrap_used, reason = "a test that cannot continue must fail")]

mod attackers;
mod connections;
mod fixture;
mod http2;
mod large_history;
mod large_inputs;
mod measurement;
mod mixed_load;
mod other_caller;
mod server;
mod slow_bodies;
mod slow_client;
mod unread_responses;

use flowruns_testing::harness::Binary;
use tokio::sync::{Mutex, MutexGuard};

pub(crate) const FLOWRUNS: Binary = Binary::new(env!("CARGO_BIN_EXE_flowruns"));

/// By how much every attack is larger than usual.
pub(crate) fn scale() -> usize {
    std::env::var("FLOWRUNS_ATTACKS_SCALE").map_or(1, |scale| scale.parse().unwrap())
}

/// Whether the bounds hold that only a release build on an idle machine can keep.
pub(crate) fn is_strict() -> bool {
    std::env::var_os("FLOWRUNS_ATTACKS_STRICT").is_some()
}

/// Held by the running attack: two at the same time would be measured together.
pub(crate) async fn exclusive() -> MutexGuard<'static, ()> {
    static RUNNING: Mutex<()> = Mutex::const_new(());
    RUNNING.lock().await
}
