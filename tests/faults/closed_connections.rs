//! Clients that close their connections while their reads run.

use std::time::{Duration, Instant};

use flowruns_testing::harness::{Http1Connection, request};
use sqlx::PgConnection;

use crate::{database::execute, test_cluster::TestCluster};

const CLIENTS: usize = 16;
/// Shorter than the time-out of a statement, so that this time-out does not end it.
const LIMIT: Duration = Duration::from_secs(30);

const WAITING: &str = "
    SELECT count(*) FROM pg_stat_activity WHERE usename = 'flowruns_service' AND state = 'active'
        AND wait_event_type = 'Lock'";

fn settings() -> [(&'static str, String); 3] {
    let long = Duration::from_secs(3600).as_millis().to_string();
    [
        ("FLOWRUNS_HTTP__REQUEST_TIMEOUT_MS", "3600000".to_owned()),
        ("FLOWRUNS_DATABASE__STATEMENT_TIMEOUT_MS", long),
        ("FLOWRUNS_DATABASE__MAX_CONNECTIONS", CLIENTS.to_string()),
    ]
}

async fn wait_for_statements(admin: &mut PgConnection, expected: usize) {
    let begun = Instant::now();
    loop {
        let waiting: i64 = sqlx::query_scalar(WAITING).fetch_one(&mut *admin).await.unwrap();
        if usize::try_from(waiting).unwrap() == expected {
            return;
        }
        assert!(begun.elapsed() < LIMIT, "{waiting} statements, not {expected}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_of_clients_that_closed_their_connection_are_cancelled() {
    let cluster = TestCluster::start(1, &settings()).await;
    let flow = cluster.flow().await;
    cluster.run(&flow).await;
    let mut admin = cluster.database.admin().await;
    execute(&mut admin, "BEGIN; LOCK TABLE runs IN ACCESS EXCLUSIVE MODE").await;
    let mut observer = cluster.database.admin().await;
    let request = request("GET", &format!("{flow}/runs"), &cluster.token, "");
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let address = cluster.servers[0].address();
        clients.push(Http1Connection::that_sent(address, &request).await);
    }
    wait_for_statements(&mut observer, CLIENTS).await;
    for client in clients {
        // A reset, which differs from a client that only closes its sending side.
        client.stream.set_zero_linger().unwrap();
    }
    wait_for_statements(&mut observer, 0).await;
    assert_eq!(cluster.send("GET", &flow, "").await.status, 200);
    execute(&mut admin, "ROLLBACK").await;
    cluster.assert_recovered().await;
}
