//! Sessions of the servers that are terminated at random.

use crate::{scale, site::Site, storm::Load};

const TERMINATIONS: u64 = 100;

const TERMINATE_ALL: &str = "
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'flowruns_service'";

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

/// They have been used a moment ago, so that nothing looks at them before they are used again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_all_sessions_were_terminated_at_once_everything_works_at_once() {
    let site = Site::start(1, &[]).await;
    let url = site.services[0].url();
    let flows = format!("{url}/industryData/incomingFlows");
    let mut admin = site.database.admin().await;
    let created = site.flow().await;
    for round in 0..3 * scale() {
        let reads = (0..32).map(|_| site.send("GET", &flows, ""));
        futures_util::future::join_all(reads).await;
        let all = sqlx::query(TERMINATE_ALL).execute(&mut admin).await;
        // Those of the pool, and the three of the writers.
        assert!(all.unwrap().rows_affected() > 3);
        let named = format!(r#"{{"displayName":"F{round}"}}"#);
        match round % 3 {
            0 => assert_eq!(site.readiness().await, [200]),
            1 => assert_eq!(site.send("POST", &flows, &named).await.status, 201),
            _ => {
                let flow = format!("{url}{created}");
                assert_eq!(site.send("PATCH", &flow, &named).await.status, 200);
            }
        }
    }
    let reads = (0..32).map(|_| site.send("GET", &flows, ""));
    futures_util::future::join_all(reads).await;
    sqlx::query(TERMINATE_ALL)
        .execute(&mut admin)
        .await
        .unwrap();
    let deleted = site.send("DELETE", &format!("{url}{created}"), "").await;
    assert_eq!(deleted.status, 204);
    site.assert_recovered().await;
}
