//! Sessions of the servers that are terminated at random.

use futures_util::future::join_all;
use sqlx::PgConnection;

use crate::{load::Load, scale, test_cluster::TestCluster};

const TERMINATIONS: u64 = 100;

const TERMINATE_ALL: &str = "
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'flowruns_service'";

const TERMINATE_ONE: &str = "
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE usename = 'flowruns_service' ORDER BY random() LIMIT 1";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_are_terminated_during_the_whole_load_lose_no_report() {
    let cluster = TestCluster::start(2, &[]).await;
    let load = Load::start(&cluster).await;
    let mut admin = cluster.database.admin().await;
    let mut terminated = 0;
    while terminated < TERMINATIONS * scale() {
        let done = sqlx::query(TERMINATE_ONE).execute(&mut admin).await;
        terminated += done.unwrap().rows_affected();
        // Some reports succeed between two terminations, so that there is something to lose.
        load.acknowledged(5).await;
    }
    // By then the pools have found all broken connections.
    load.acknowledged(100).await;
    load.finish().await;
    cluster.assert_recovered().await;
}

const LEFT: &str = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'flowruns_service'";

/// Terminates every session of the servers, and waits until none is left.
async fn terminate_all(admin: &mut PgConnection) {
    let done = sqlx::query(TERMINATE_ALL).execute(&mut *admin).await;
    // How many sessions exist depends on how many reads ran at the same time; without one there is nothing to recover from.
    assert!(done.unwrap().rows_affected() > 0);
    let left = || sqlx::query_scalar::<_, i64>(LEFT);
    // The end of a session is not announced, so the loop polls.
    while left().fetch_one(&mut *admin).await.unwrap() > 0 {
        tokio::task::yield_now().await;
    }
}

/// The sessions were used a moment ago, so the pool does not test them before it uses them again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_all_sessions_were_terminated_every_request_succeeds_at_once() {
    let cluster = TestCluster::start(1, &[]).await;
    let flows = "/industryData/incomingFlows".to_owned();
    let flow = cluster.flow().await;
    let mut admin = cluster.database.admin().await;
    let body = r#"{"displayName":"Changed"}"#;
    for (method, path, status) in [
        ("GET", "/readyz".to_owned(), 200),
        ("POST", flows.clone(), 201),
        ("PATCH", flow.clone(), 200),
        ("DELETE", flow, 204),
    ] {
        for _ in 0..scale() {
            let reads = (0..32).map(|_| cluster.send("GET", &flows, ""));
            join_all(reads).await;
            terminate_all(&mut admin).await;
        }
        let response = cluster.send(method, &path, body).await;
        assert_eq!(response.status, status, "{method} {}", response.text);
    }
    cluster.assert_recovered().await;
}
