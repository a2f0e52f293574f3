//! Faults under a storm of reports. Real servers on a real PostgreSQL are killed, stopped, cut off, starved and filled up
//! while clients report; then the checker holds what the clients were told against what is there, no session may stay in a
//! transaction, no server may have panicked, and everything is answered as before.
//!
//! | fault | file |
//! |---|---|
//! | a server is killed with -9 and comes back at the same address | `killed_servers` |
//! | sessions are terminated at random, or all at once | `terminated_sessions` |
//! | PostgreSQL, or one session of it, stands still for a while | `stopped_postgres` |
//! | PostgreSQL is killed with -9 and recovers | `killed_postgres` |
//! | answers of PostgreSQL are lost | `lost_answers` |
//! | pool and queue are exhausted | `exhausted` |
//! | ten times as many clients as there is room for, with short and with long bodies | `overloaded` |
//! | the disk of the database is full; needs root, and says when it is skipped | `full_disk` |
//! | clocks differ and jump (stories has what a client's clock can do) | `clocks` |
//! | clients hang up, deadlines pass | `cut_off` |
//! | clients close their connections while their reads run | `closed_connections` |
//! | commits are made asynchronous, then PostgreSQL is killed | `asynchronous_commit` |
//!
//! Faults are paced by what the storm has achieved, not by time. They need Linux: `/proc`, and addresses of their own
//! below 127.0.0.0/8.
//!
//! `cargo test` takes a minute or two. The long version multiplies the rounds of every test:
//!
//! ```sh
//! FLOWRUNS_FAULTS_SCALE=20 cargo test --release -p flowruns-server --test faults
//! ```
#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall fail")]

mod asynchronous_commit;
mod clocks;
mod closed_connections;
mod cut_off;
mod database;
mod exhausted;
mod full_disk;
mod killed_postgres;
mod killed_servers;
mod lossy_proxy;
mod lost_answers;
mod marks;
mod overloaded;
#[path = "../process/program.rs"]
mod program;
mod raw;
mod service;
mod site;
mod small_disk;
mod stopped_postgres;
mod storm;
mod terminated_sessions;
#[path = "../process/token.rs"]
mod token;

/// By how much every test is longer than usual.
pub(crate) fn scale() -> u64 {
    std::env::var("FLOWRUNS_FAULTS_SCALE").map_or(1, |scale| scale.parse().unwrap())
}
