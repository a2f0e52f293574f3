//! Ten times as many clients as requests that are admitted. The others are rejected, and memory stays within the limits that the
//! settings give.

use std::sync::Arc;

use flowruns_testing::harness::{exchange, request};
use futures_util::future::join_all;

use crate::{database::execute, scale, test_cluster::Setting, test_cluster::TestCluster};

const KIB: u64 = 1024;
/// Requests that may be in flight.
const MAX_IN_FLIGHT: u64 = 64;
const CLIENTS: u64 = 10 * MAX_IN_FLIGHT;
/// Requests of each client, each on its own connection.
const REQUESTS: u64 = 4;
/// The memory of their bodies and responses, in KiB.
const IN_FLIGHT_KIB: u64 = 16 * KIB;
/// The memory of reports that wait to be written, in KiB.
const QUEUE_KIB: u64 = 4 * KIB;
/// The memory of each connection, in KiB.
const CONNECTION_KIB: u64 = 16;
/// The memory of each connection with a long body, in KiB: the read buffer, which is as long as the longest head, and the same
/// again for the part of the body that was just read.
const BUFFERS_KIB: u64 = 2 * 64;
/// Memory that the allocator keeps in addition to what is in use, in percent.
const KEPT_BY_ALLOCATOR: u64 = 50;

fn settings() -> [Setting; 4] {
    [
        ("FLOWRUNS_LIMITS__REQUESTS", MAX_IN_FLIGHT.to_string()),
        ("FLOWRUNS_LIMITS__BYTES", (IN_FLIGHT_KIB * KIB).to_string()),
        ("FLOWRUNS_DATABASE__WRITER_QUEUE_BYTES", (QUEUE_KIB * KIB).to_string()),
        ("FLOWRUNS_HTTP__REQUEST_TIMEOUT_MS", "1000".to_owned()),
    ]
}

/// The most that the peak may grow, in KiB, when this much of it is counted.
const fn most_growth(counted: u64) -> u64 {
    counted + counted * KEPT_BY_ALLOCATOR / 100
}

/// The name of a load, its body size in bytes, and the most that the peak may grow in KiB.
const FLOODS: [(&str, usize, u64); 2] = [
    ("short bodies", 400, most_growth(CLIENTS * CONNECTION_KIB)),
    (
        "bodies of 1 MiB",
        1024 * 1023,
        most_growth(IN_FLIGHT_KIB + QUEUE_KIB + CLIENTS * (CONNECTION_KIB + BUFFERS_KIB)),
    ),
];

/// A report with a body of about `length` bytes, most of which is not stored.
fn report(cluster: &TestCluster, run: &str, length: usize) -> Vec<u8> {
    let note = "x".repeat(length);
    let body = format!(r#"{{"@note":"{note}","statistics":{{"rows":1}}}}"#);
    request("PATCH", run, &cluster.token, &body)
}

/// Every client sends its requests one after the other. Returns how many were accepted.
async fn flood(cluster: &TestCluster, request: Vec<u8>) -> usize {
    let request = Arc::new(request);
    let clients = (0..CLIENTS).map(|_| {
        let (request, address) = (Arc::clone(&request), cluster.servers[0].address());
        tokio::spawn(async move {
            let mut accepted = 0;
            for _ in 0..REQUESTS * scale() {
                match exchange(address, &request, false).await.unwrap().status() {
                    200 => accepted += 1,
                    // Rejected, or not read completely before its deadline: nothing was written.
                    status => assert!([503, 408].contains(&status), "{status}"),
                }
            }
            accepted
        })
    });
    join_all(clients).await.into_iter().map(Result::unwrap).sum()
}

#[expect(clippy::print_stdout, reason = "it prints what it measured")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_times_as_many_clients_as_are_admitted_are_served_or_rejected_within_bounded_memory() {
    let cluster = TestCluster::start(1, &settings()).await;
    let run = cluster.run(&cluster.flow().await).await;
    let before = cluster.servers[0].memory().peak / KIB;
    println!("peak before: {before} KiB");
    for (bodies, length, most) in FLOODS {
        println!("{bodies}: it may grow by {most} KiB");
        let request = report(&cluster, &run, length);
        let accepted = flood(&cluster, request.clone()).await;
        assert!(accepted > 0);
        let growth = cluster.servers[0].memory().peak / KIB - before;
        println!("{bodies}, {accepted} of {} accepted: {growth} KiB", CLIENTS * REQUESTS * scale());
        assert!(growth < most, "{bodies}: {growth} KiB");

        let mut holder = cluster.database.admin().await;
        execute(&mut holder, "BEGIN; LOCK TABLE runs IN ACCESS EXCLUSIVE MODE").await;
        assert_eq!(flood(&cluster, request).await, 0);
        let growth = cluster.servers[0].memory().peak / KIB - before;
        println!("{bodies}, the table locked: {growth} KiB");
        assert!(growth < most, "{bodies}: {growth} KiB");
        execute(&mut holder, "ROLLBACK").await;
        cluster.assert_quiet().await;
    }
    cluster.assert_recovered().await;
}
