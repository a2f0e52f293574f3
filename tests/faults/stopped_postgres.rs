//! PostgreSQL that is stopped for a while, as on a host that is paused or out of memory: all of its processes, or one session.

use rustix::process::Signal;

use crate::{
    database::signal_one, load::Load, scale, test_cluster::Setting, test_cluster::TestCluster,
};

const ROUNDS: u64 = 2;
const STOPPED_SESSIONS: u64 = 10;

const ANY_SESSION: &str = "
    SELECT pid FROM pg_stat_activity WHERE usename = 'flowruns_service' ORDER BY random() LIMIT 1";

/// Short, so that the deadline of every client passes while PostgreSQL is stopped.
fn short_deadline() -> [Setting; 1] {
    [("FLOWRUNS_HTTP__REQUEST_TIMEOUT_MS", "1000".to_owned())]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_postgres_is_stopped_the_response_is_503_and_nothing_is_lost() {
    let cluster = TestCluster::start(2, &short_deadline()).await;
    let load = Load::start(&cluster).await;
    for _ in 0..ROUNDS * scale() {
        load.acknowledged(100).await;
        cluster.database.signal_all(Signal::STOP);
        assert_eq!(cluster.readiness().await, [503, 503]);
        // Every client has waited for its deadline, and more than once.
        load.unknown(3 * Load::CLIENTS).await;
        cluster.database.signal_all(Signal::CONT);
    }
    load.acknowledged(100).await;
    load.finish().await;
    cluster.assert_recovered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_are_stopped_at_any_moment_lose_nothing() {
    let cluster = TestCluster::start(1, &short_deadline()).await;
    let load = Load::start(&cluster).await;
    let mut admin = cluster.database.admin().await;
    for _ in 0..STOPPED_SESSIONS * scale() {
        load.acknowledged(20).await;
        let session: i32 = sqlx::query_scalar(ANY_SESSION).fetch_one(&mut admin).await.unwrap();
        let session = session.try_into().unwrap();
        signal_one(session, Signal::STOP);
        // The session executed a report whose deadline has passed by now, or nothing that a client waits for.
        load.acknowledged_or_unknown(100, 1).await;
        signal_one(session, Signal::CONT);
    }
    load.acknowledged(100).await;
    load.finish().await;
    cluster.assert_recovered().await;
}

/// The deadline of the request and the time-outs of the database are long: only the time-out of the check itself can end it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readiness_is_answered_while_postgres_is_stopped() {
    let long = "60000".to_owned();
    let settings = [
        ("FLOWRUNS_HTTP__REQUEST_TIMEOUT_MS", long.clone()),
        ("FLOWRUNS_DATABASE__STATEMENT_TIMEOUT_MS", long.clone()),
        ("FLOWRUNS_DATABASE__ACQUIRE_TIMEOUT_MS", long),
    ];
    let cluster = TestCluster::start(1, &settings).await;
    cluster.flow().await;
    cluster.database.signal_all(Signal::STOP);
    let response = cluster.send("GET", "/readyz", "").await;
    cluster.database.signal_all(Signal::CONT);
    assert_eq!((response.status, response.text.as_str()), (503, "the database does not answer\n"));
    cluster.assert_recovered().await;
}
