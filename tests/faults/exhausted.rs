//! Many large reports while every session of the database waits for a lock.

use std::sync::Arc;

use flowruns_testing::harness::{ApiResponse, markers_by_client};
use futures_util::future::join_all;
use serde_json::json;

use crate::{database::execute, scale, test_cluster::TestCluster};

const CLIENTS: u64 = 96;
/// The deadline of a request: long enough that a busy machine has read every body by then.
const DEADLINE_MS: u64 = 1500;
const ROUNDS: u64 = 20;
/// The size of one report in bytes: nearly as much as statistics may have.
const BODY: u64 = 60 * 1024;
/// The most that the peak memory may grow, in bytes: half of the size of all reports.
const GROWTH: u64 = CLIENTS * ROUNDS * BODY / 2;
/// How often a report is sent again after the load, while the server still writes the reports that it had queued.
const REPEATS: usize = 50;

fn settings() -> [(&'static str, String); 3] {
    [
        ("FLOWRUNS_DATABASE__MAX_CONNECTIONS", "2".to_owned()),
        ("FLOWRUNS_DATABASE__ACQUIRE_TIMEOUT_MS", "1000".to_owned()),
        ("FLOWRUNS_HTTP__REQUEST_TIMEOUT_MS", DEADLINE_MS.to_string()),
    ]
}

/// Every client reads once, then sends reports one after the other. Returns all responses.
async fn flood(cluster: &Arc<TestCluster>, run: &str) -> Vec<ApiResponse> {
    let clients = (0..CLIENTS).map(|client| {
        let (cluster, run) = (Arc::clone(cluster), run.to_owned());
        tokio::spawn(async move {
            let mut responses = vec![cluster.send("GET", &run, "").await];
            for marker in 1..=ROUNDS * scale() {
                let padding = "x".repeat(BODY as usize);
                let report =
                    json!({"statistics": {format!("c{client}"): marker, "padding": padding}});
                responses.push(cluster.send("PATCH", &run, &report.to_string()).await);
            }
            responses
        })
    });
    let responses = join_all(clients).await.into_iter();
    responses.flat_map(Result::unwrap).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_while_the_table_is_locked_are_rejected_within_bounded_time_and_memory() {
    let cluster = Arc::new(TestCluster::start(1, &settings()).await);
    let run = cluster.run(&cluster.flow().await).await;
    let mut holder = cluster.database.admin().await;
    execute(&mut holder, "BEGIN; LOCK TABLE runs IN ACCESS EXCLUSIVE MODE").await;
    let before = cluster.servers[0].memory().peak;

    // All responses come while the table is still locked.
    let responses = flood(&cluster, &run).await;
    for response in &responses {
        let rejected = (response.status, response.header("retry-after"));
        assert_eq!(rejected, (503, "1"), "{}", response.text);
    }
    let growth = cluster.servers[0].memory().peak - before;
    assert!(growth < GROWTH, "{growth} bytes for {} responses", responses.len());
    assert_eq!(cluster.send("GET", "/livez", "").await.status, 200);

    execute(&mut holder, "ROLLBACK").await;
    let mut after = cluster.send("PATCH", &run, r#"{"displayName":"Cold"}"#).await;
    for _ in 0..REPEATS {
        if after.status != 503 {
            break;
        }
        after = cluster.send("PATCH", &run, r#"{"displayName":"Cold"}"#).await;
    }
    assert_eq!(after.status, 200, "{}", after.json);
    cluster.assert_recovered().await;
    // A report whose response was 503 may be stored, but only once.
    for (client, mut markers) in markers_by_client(&cluster.history(&run).await) {
        let stored = markers.len();
        markers.dedup();
        assert_eq!(markers.len(), stored, "{client}");
    }
}
