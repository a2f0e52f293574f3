//! A flood while every session of the database is held up.

use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::json;

use crate::{
    database::execute,
    marks::committed,
    scale,
    site::{Answer, Site},
};

const CLIENTS: u64 = 96;
const ROUNDS: u64 = 20;
/// Of one report, in KiB: nearly as much as statistics may be.
const BODY: u64 = 60;
/// In KiB: half of what the flood carries, and twice what it was seen to take.
const GROWTH: u64 = CLIENTS * ROUNDS * BODY / 2;
/// How often a report is sent again after the flood, while the server still works off what it has taken.
const REPEATS: usize = 50;

fn settings() -> [(&'static str, String); 3] {
    [
        ("FLOWRUNS_DATABASE__MAX_CONNECTIONS", "2".to_owned()),
        ("FLOWRUNS_DATABASE__ACQUIRE_TIMEOUT_MS", "100".to_owned()),
        ("FLOWRUNS_HTTP__REQUEST_TIMEOUT_MS", "300".to_owned()),
    ]
}

/// Every client reads once and reports again and again; each answer is awaited.
async fn flood(site: &Arc<Site>, run: &str) -> Vec<Answer> {
    let clients = (0..CLIENTS).map(|client| {
        let (site, run) = (Arc::clone(site), run.to_owned());
        tokio::spawn(async move {
            let url = format!("{}{run}", site.services[0].url());
            let mut answers = vec![site.send("GET", &url, "").await];
            for mark in 1..=ROUNDS * scale() {
                let padding = "x".repeat(1024 * BODY as usize);
                let report =
                    json!({"statistics": {format!("c{client}"): mark, "padding": padding}});
                answers.push(site.send("PATCH", &url, &report.to_string()).await);
            }
            answers
        })
    });
    let answers = join_all(clients).await.into_iter();
    answers.flat_map(Result::unwrap).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_on_a_database_that_is_held_up_is_refused_in_bounded_time_and_memory() {
    let site = Arc::new(Site::start(1, &settings()).await);
    let run = site.run(&site.flow().await).await;
    let url = format!("{}{run}", site.services[0].url());
    let mut holder = site.database.admin().await;
    execute(
        &mut holder,
        "BEGIN; LOCK TABLE runs IN ACCESS EXCLUSIVE MODE",
    )
    .await;
    let before = site.services[0].peak_memory();

    // All of them are answered while the table is still locked.
    let answers = flood(&site, &run).await;
    for answer in &answers {
        let refused = (answer.status, answer.retry_after.as_deref());
        // On a busy machine the time of a request may be over before its body is read.
        assert!(
            [(503, Some("1")), (408, None)].contains(&refused),
            "{}",
            answer.json
        );
    }
    let growth = site.services[0].peak_memory() - before;
    assert!(
        growth < GROWTH,
        "{growth} KiB for {} answers",
        answers.len()
    );
    let live = format!("{}/livez", site.services[0].url());
    assert_eq!(site.send("GET", &live, "").await.status, 200);

    execute(&mut holder, "ROLLBACK").await;
    let mut after = site.send("PATCH", &url, r#"{"displayName":"Cold"}"#).await;
    for _ in 0..REPEATS {
        if after.status != 503 {
            break;
        }
        after = site.send("PATCH", &url, r#"{"displayName":"Cold"}"#).await;
    }
    assert_eq!(after.status, 200, "{}", after.json);
    site.assert_recovered().await;
    // What was answered 503 may be there, but no more than once.
    for (client, mut marks) in committed(&site.history(&run).await) {
        let stored = marks.len();
        marks.dedup();
        assert_eq!(marks.len(), stored, "{client}");
    }
}
