//! PostgreSQL that dies and recovers.

use rustix::process::Signal;

use crate::{database::Database, scale, site::Site, storm::Load};

const ROUNDS: u64 = 6;
/// In so many rounds once PostgreSQL is away for longer than a server retries; else it is back at once.
const LONG_EVERY: u64 = 6;

async fn storm_over_crashes(crash: impl Fn(&Database)) {
    let mut site = Site::start(2, &[]).await;
    let load = Load::start(&site).await;
    for round in 1..=ROUNDS * scale() {
        load.acknowledged(100).await;
        crash(&site.database);
        if round % LONG_EVERY == 0 {
            load.unknown(Load::CLIENTS).await;
        }
        site.database.restart().await;
    }
    load.acknowledged(100).await;
    load.finish().await;
    site.assert_recovered().await;
    let recoveries = site
        .database
        .log()
        .matches("was not properly shut down")
        .count();
    assert_eq!(recoveries as u64, ROUNDS * scale());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_there_after_postgres_was_killed() {
    storm_over_crashes(|database| database.signal_all(Signal::KILL)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_there_after_the_postmaster_was_killed_and_its_sessions_went_on() {
    storm_over_crashes(Database::kill_postmaster).await;
}
