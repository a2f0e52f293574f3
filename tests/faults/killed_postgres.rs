//! PostgreSQL that is killed and recovers.

use rustix::process::Signal;

use crate::{database::Database, load::Load, scale, test_cluster::TestCluster};

const ROUNDS: u64 = 6;
/// In one of this many rounds PostgreSQL stays down for longer than a server retries; in the others it restarts at once.
const LONG_EVERY: u64 = 6;

async fn load_during_crashes(crash: impl Fn(&Database)) {
    let mut cluster = TestCluster::start(2, &[]).await;
    let load = Load::start(&cluster).await;
    for round in 1..=ROUNDS * scale() {
        load.acknowledged(100).await;
        crash(&cluster.database);
        if round % LONG_EVERY == 0 {
            load.unknown(Load::CLIENTS).await;
        }
        cluster.database.restart().await;
    }
    load.acknowledged(100).await;
    load.finish().await;
    cluster.assert_recovered().await;
    let recoveries = cluster.database.log().matches("was not properly shut down").count();
    assert_eq!(recoveries as u64, ROUNDS * scale());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_stored_after_postgres_was_killed() {
    load_during_crashes(|database| database.signal_all(Signal::KILL)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_stored_after_the_postmaster_was_killed_and_its_sessions_continued()
 {
    load_during_crashes(Database::kill_postmaster).await;
}
