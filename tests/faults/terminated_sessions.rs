//! Sessions of the servers that are terminated at random.

use futures_util::future::join_all;
use sqlx::PgConnection;

use crate::{scale, site::Site, storm::Load};

const TERMINATIONS: u64 = 100;

const TERMINATE_ALL: &str = "
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'flowruns_service'";

const TERMINATE_ONE: &str = "
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE usename = 'flowruns_service' ORDER BY random() LIMIT 1";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_are_terminated_through_the_whole_storm_cost_no_report() {
    let site = Site::start(2, &[]).await;
    let load = Load::start(&site).await;
    let mut admin = site.database.admin().await;
    let mut terminated = 0;
    while terminated < TERMINATIONS * scale() {
        let done = sqlx::query(TERMINATE_ONE).execute(&mut admin).await;
        terminated += done.unwrap().rows_affected();
        // Some reports get through between two terminations, so that there is something to lose.
        load.acknowledged(5).await;
    }
    // What is dead in the pools is found by then.
    load.acknowledged(100).await;
    load.finish().await;
    site.assert_recovered().await;
}

const LEFT: &str = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'flowruns_service'";

/// Terminates every session of the servers, and waits until none is left.
async fn terminate_all(admin: &mut PgConnection) {
    let done = sqlx::query(TERMINATE_ALL).execute(&mut *admin).await;
    // How many there are depends on how many reads met; without one there would be nothing to recover from.
    assert!(done.unwrap().rows_affected() > 0);
    let left = || sqlx::query_scalar::<_, i64>(LEFT);
    // A session that ends tells nobody, so it is asked again and again.
    while left().fetch_one(&mut *admin).await.unwrap() > 0 {
        tokio::task::yield_now().await;
    }
}

/// They have been used a moment ago, so that nothing looks at them before they are used again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_all_sessions_were_terminated_at_once_everything_works_at_once() {
    let site = Site::start(1, &[]).await;
    let url = site.services[0].url();
    let flows = format!("{url}/industryData/incomingFlows");
    let flow = format!("{url}{}", site.flow().await);
    let mut admin = site.database.admin().await;
    let body = r#"{"displayName":"Changed"}"#;
    for (method, path, status) in [
        ("GET", format!("{url}/readyz"), 200),
        ("POST", flows.clone(), 201),
        ("PATCH", flow.clone(), 200),
        ("DELETE", flow, 204),
    ] {
        for _ in 0..scale() {
            let reads = (0..32).map(|_| site.send("GET", &flows, ""));
            join_all(reads).await;
            terminate_all(&mut admin).await;
        }
        let answer = site.send(method, &path, body).await;
        assert_eq!(answer.status, status, "{method} {}", answer.text);
    }
    site.assert_recovered().await;
}
