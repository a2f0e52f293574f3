//! A database whose commits are made asynchronous while it serves, and PostgreSQL that is killed.

use rustix::process::Signal;
use serde_json::json;

use crate::{database::execute, marks::committed, site::Site};

const REPORTS: u64 = 20;

/// Whatever is not flushed by a commit itself stays in memory for a long time.
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
async fn what_was_acknowledged_is_there_although_commits_were_made_asynchronous_meanwhile() {
    for sessions_are_opened_anew in [false, true] {
        let mut site = Site::start(1, &[]).await;
        let run = site.run(&site.flow().await).await;
        let mut admin = site.database.admin().await;
        for statement in FLUSH_LATE.iter().chain(&SWITCH_OFF) {
            execute(&mut admin, statement).await;
        }
        if sessions_are_opened_anew {
            execute(&mut admin, TERMINATE_ALL).await;
        }
        let url = format!("{}{run}", site.services[0].url());
        for mark in 1..=REPORTS {
            let report = json!({"statistics": {"c0": mark}});
            let answer = site.send("PATCH", &url, &report.to_string()).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
        }
        let flow = site.flow().await;
        site.database.signal_all(Signal::KILL);
        site.recover().await;
        let marks = committed(&site.history(&run).await);
        assert_eq!(marks["c0"], (1..=REPORTS).collect::<Vec<_>>());
        let url = format!("{}{flow}", site.services[0].url());
        assert_eq!(site.send("GET", &url, "").await.status, 200);
    }
}
