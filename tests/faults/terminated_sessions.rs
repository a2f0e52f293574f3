//! Sessions of the servers that are terminated at random.

use crate::{scale, site::Site, storm::Load};

const TERMINATIONS: u64 = 100;

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
