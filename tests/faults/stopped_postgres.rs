//! PostgreSQL that stands still for a while, as on a host that is out of memory or paused.

use rustix::process::Signal;

use crate::{scale, site::Site, storm::Load};

const ROUNDS: u64 = 2;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_postgres_stands_still_the_answer_is_503_and_nothing_is_lost() {
    let settings = [("FLOWRUNS_HTTP__REQUEST_TIMEOUT_MS", "1000".to_owned())];
    let site = Site::start(2, &settings).await;
    let load = Load::start(&site).await;
    for _ in 0..ROUNDS * scale() {
        load.acknowledged(100).await;
        site.database.signal_all(Signal::STOP);
        assert_eq!(site.readiness().await, [503, 503]);
        // Every client has waited for its deadline, and more than once.
        load.unknown(3 * Load::CLIENTS).await;
        site.database.signal_all(Signal::CONT);
    }
    load.acknowledged(100).await;
    load.finish(&site).await;
    site.assert_recovered().await;
}
