//! A database whose commits are made asynchronous while it serves, and PostgreSQL that is killed.

use flowruns_testing::harness::markers_by_client;
use rustix::process::Signal;
use serde_json::json;

use crate::{database::execute, test_cluster::TestCluster};

const REPORTS: u64 = 20;

/// What a commit does not flush itself stays in memory for a long time.
const FLUSH_LATE: [&str; 3] = [
    "ALTER SYSTEM SET wal_writer_delay = '10s'",
    "ALTER SYSTEM SET wal_writer_flush_after = '1GB'",
    "SELECT pg_reload_conf()",
];

/// For the sessions that are open, for those of the role, and for those of the database.
const SWITCH_OFF: [&str; 4] = [
    "ALTER SYSTEM SET synchronous_commit = off",
    "ALTER ROLE flowruns_service SET synchronous_commit = off",
    "ALTER DATABASE flowruns SET synchronous_commit = off",
    "SELECT pg_reload_conf()",
];

const TERMINATE_ALL: &str = "
    SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE usename = 'flowruns_service'";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_stored_although_commits_became_asynchronous() {
    for sessions_are_reopened in [false, true] {
        let mut cluster = TestCluster::start(1, &[]).await;
        let run = cluster.run(&cluster.flow().await).await;
        let mut admin = cluster.database.admin().await;
        for statement in FLUSH_LATE.iter().chain(&SWITCH_OFF) {
            execute(&mut admin, statement).await;
        }
        if sessions_are_reopened {
            execute(&mut admin, TERMINATE_ALL).await;
        }
        for marker in 1..=REPORTS {
            let report = json!({"statistics": {"c0": marker}});
            let response = cluster.send("PATCH", &run, &report.to_string()).await;
            assert_eq!(response.status, 200, "{}", response.text);
        }
        let flow = cluster.flow().await;
        cluster.database.signal_all(Signal::KILL);
        cluster.recover().await;
        let markers = markers_by_client(&cluster.history(&run).await);
        assert_eq!(markers["c0"], (1..=REPORTS).collect::<Vec<_>>());
        assert_eq!(cluster.send("GET", &flow, "").await.status, 200);
    }
}
