//! PostgreSQL that stands still for a while, as on a host that is paused or out of memory: the whole of it, or one
//! session.

use rustix::process::Signal;

use crate::{database::signal_one, scale, service::Setting, site::Site, storm::Load};

const ROUNDS: u64 = 2;
const STOPPED_SESSIONS: u64 = 10;

const ANY_SESSION: &str = "
    SELECT pid FROM pg_stat_activity WHERE usename = 'flowruns_service' ORDER BY random() LIMIT 1";

/// Short, so that the deadline of every client passes while PostgreSQL stands still.
fn short_deadline() -> [Setting; 1] {
    [("FLOWRUNS_HTTP__REQUEST_TIMEOUT_MS", "1000".to_owned())]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_postgres_stands_still_the_answer_is_503_and_nothing_is_lost() {
    let site = Site::start(2, &short_deadline()).await;
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
    load.finish().await;
    site.assert_recovered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_stand_still_in_the_middle_of_anything_lose_nothing() {
    let site = Site::start(1, &short_deadline()).await;
    let load = Load::start(&site).await;
    let mut admin = site.database.admin().await;
    for _ in 0..STOPPED_SESSIONS * scale() {
        load.acknowledged(20).await;
        let session: i32 = sqlx::query_scalar(ANY_SESSION)
            .fetch_one(&mut admin)
            .await
            .unwrap();
        let session = session.try_into().unwrap();
        signal_one(session, Signal::STOP);
        // It was in the middle of a report whose deadline has passed now, or of nothing that anybody waits for.
        load.acknowledged_or_unknown(100, 1).await;
        signal_one(session, Signal::CONT);
    }
    load.acknowledged(100).await;
    load.finish().await;
    site.assert_recovered().await;
}

/// Its deadline is far, and so are the time-outs of the database: what answers is the question's own time-out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readiness_is_answered_while_postgres_stands_still() {
    let long = "60000".to_owned();
    let settings = [
        ("FLOWRUNS_HTTP__REQUEST_TIMEOUT_MS", long.clone()),
        ("FLOWRUNS_DATABASE__STATEMENT_TIMEOUT_MS", long.clone()),
        ("FLOWRUNS_DATABASE__ACQUIRE_TIMEOUT_MS", long),
    ];
    let site = Site::start(1, &settings).await;
    site.flow().await;
    let url = format!("{}/readyz", site.services[0].url());
    site.database.signal_all(Signal::STOP);
    let answer = site.send("GET", &url, "").await;
    site.database.signal_all(Signal::CONT);
    assert_eq!(
        (answer.status, answer.text.as_str()),
        (503, "the database does not answer\n")
    );
    site.assert_recovered().await;
}
