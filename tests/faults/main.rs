//! Faults during a load of reports. Real servers on a real PostgreSQL are killed, stopped, disconnected, overloaded or left without
//! disk space while clients report. Then the checker compares the responses with what is stored, no session may stay in a
//! transaction, no server may have panicked, and every server must respond as before.
//!
//! | fault | file |
//! |---|---|
//! | a server is killed with -9 and comes back at the same address | `killed_servers` |
//! | sessions are terminated at random, or all at once | `terminated_sessions` |
//! | PostgreSQL, or one session of it, is stopped for a while | `stopped_postgres` |
//! | PostgreSQL is killed with -9 and recovers | `killed_postgres` |
//! | an older backup of PostgreSQL is restored | `restored_backup` |
//! | responses of PostgreSQL are lost | `lost_responses` |
//! | pool and queue are exhausted | `exhausted` |
//! | ten times as many clients as requests that are admitted, with short and with long bodies | `overloaded` |
//! | the disk of the database is full; needs root, and says when it is skipped | `full_disk` |
//! | clocks differ and jump (the tests of the API have what the clock of a client can do) | `clocks` |
//! | clients disconnect, deadlines pass | `cut_off` |
//! | clients close their connections while their reads run | `closed_connections` |
//! | commits are made asynchronous, then PostgreSQL is killed | `asynchronous_commit` |
//!
//! The progress of the load decides when a fault happens, not the time. They need Linux: `/proc`, and addresses of their own
//! below 127.0.0.0/8.
//!
//! `cargo test` takes a minute or two. The long version multiplies the rounds of every test:
//!
//! ```sh
//! FLOWRUNS_FAULTS_SCALE=20 cargo test --release -p flowruns-server --test faults
//! ```
#![expect(clippy::unwrap_used, reason = "a test that cannot continue must fail")]

mod asynchronous_commit;
mod clocks;
mod closed_connections;
mod cut_off;
mod database;
mod disconnect;
mod exhausted;
mod full_disk;
mod killed_postgres;
mod killed_servers;
mod load;
mod lossy_proxy;
mod lost_responses;
mod overloaded;
mod restored_backup;
mod small_disk;
mod stopped_postgres;
mod terminated_sessions;
mod test_cluster;

use flowruns_testing::harness::Binary;

pub(crate) const FLOWRUNS: Binary = Binary::new(env!("CARGO_BIN_EXE_flowruns"));

/// By how much every test is longer than usual.
pub(crate) fn scale() -> u64 {
    std::env::var("FLOWRUNS_FAULTS_SCALE").map_or(1, |scale| scale.parse().unwrap())
}
