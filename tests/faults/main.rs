//! Faults under a storm of reports.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall fail")]

mod clocks;
mod cut_off;
mod database;
mod exhausted;
mod full_disk;
mod killed_postgres;
mod killed_servers;
mod lossy_proxy;
mod lost_answers;
mod marks;
#[path = "../process/program.rs"]
mod program;
mod raw;
mod service;
mod site;
mod small_disk;
mod stopped_postgres;
mod storm;
mod terminated_sessions;

/// How many times the usual number of rounds.
pub(crate) fn scale() -> u64 {
    std::env::var("FLOWRUNS_FAULTS_SCALE").map_or(1, |scale| scale.parse().unwrap())
}
