//! Requests and faults that change the metrics of a server.

use flowruns_testing::harness::{ServerProcess, data_folder};
use reqwest::Client;
use tempfile::TempDir;

use super::shown::Metrics;
use crate::{
    admin::{run, superuser},
    server::start_with,
};

/// A server with a small pool.
pub(super) struct Fixture {
    pub(super) server: ServerProcess,
    pub(super) admin: String,
    pub(super) folder: TempDir,
    pub(super) http: Client,
}

impl Fixture {
    pub(super) fn start() -> Self {
        let folder = data_folder();
        let settings = [
            ("FLOWRUNS_DATABASE__MAX_CONNECTIONS", "2"),
            ("FLOWRUNS_DATABASE__ACQUIRE_TIMEOUT_MS", "100"),
            ("RUST_LOG", "warn,flowruns::admin=info"),
        ];
        let server = start_with(&folder, &settings);
        let admin = server.admin_url();
        Self { server, admin, folder, http: Client::new() }
    }

    pub(super) fn token(&self) -> &str {
        self.server.token()
    }

    pub(super) async fn send(&self, method: &str, path: &str, body: &str) -> u16 {
        self.server.client().send(method, path, body.to_owned()).await.status
    }

    /// The path of a new run.
    pub(super) async fn run(&self) -> String {
        let client = self.server.client();
        client.create(&self.runs_path(), r#"{"displayName":"R"}"#).await
    }

    pub(super) fn runs_path(&self) -> String {
        let [creation, _] = self.server.printed_calls();
        creation.path
    }

    pub(super) async fn metrics(&self) -> Metrics {
        Metrics::read(&self.admin).await
    }

    /// Reads the metrics until a condition holds; each read waits for the server.
    pub(super) async fn until(&self, is_so: impl Fn(&Metrics) -> bool) {
        while !is_so(&self.metrics().await) {}
    }
}

/// Requests that succeed, and requests that are rejected in every way that has a metric.
pub(super) async fn ordinary_requests(fixture: &Fixture) {
    let run = fixture.run().await;
    for (status, body) in [
        (200, r#"{"status":"completed"}"#),
        (409, r#"{"status":"running"}"#),
        (409, r#"{"status":"failed"}"#),
        (400, "{"),
    ] {
        assert_eq!(fixture.send("PATCH", &run, body).await, status);
    }
    let url = fixture.server.url(&run);
    let unauthorized = fixture.server.client().with_token("no token");
    assert_eq!(unauthorized.get(&url).await.status, 401);
    assert_eq!(fixture.http.get(&url).send().await.unwrap().status(), 401);
}

/// The rows of three runs are locked: their reports wait for them, with all connections of the pool.
pub(super) async fn contention(fixture: &Fixture) {
    let runs = [fixture.run().await, fixture.run().await, fixture.run().await];
    let mut holder = superuser(&fixture.folder).await;
    run(&mut holder, "BEGIN; SELECT FROM runs FOR UPDATE").await;
    let reports = runs.iter().map(|run| fixture.send("PATCH", run, r#"{"status":"failed"}"#));
    let reports = futures_util::future::join_all(reports);
    let observation = async {
        fixture
            .until(|metrics| {
                metrics.sum("flowruns_writer_contended_runs", &[]) == 3.0
                    && metrics.sum("flowruns_database_acquire_timeouts_total", &[]) > 0.0
                    && metrics.sum("flowruns_writer_retries_total", &["lock"]) > 0.0
            })
            .await;
        let metrics = fixture.metrics().await;
        assert_eq!(metrics.sum("flowruns_writer_queue_reports", &[]), 3.0);
        assert!(metrics.sum("flowruns_writer_queue_bytes", &[]) > 0.0);
        assert_eq!(metrics.sum("flowruns_http_requests_in_flight", &[]), 3.0);
        run(&mut holder, "ROLLBACK").await;
    };
    let (statuses, ()) = tokio::join!(reports, observation);
    assert_eq!(statuses, [200, 200, 200]);
}

/// Terminates the sessions of the server, so that its next statement fails and is repeated.
pub(super) async fn lost_sessions(fixture: &Fixture) {
    let mut session = superuser(&fixture.folder).await;
    let terminate = "
        SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'flowruns_service'";
    let report = fixture.run().await;
    run(&mut session, terminate).await;
    assert_eq!(fixture.send("GET", &report, "").await, 200);
    run(&mut session, terminate).await;
    assert_eq!(fixture.send("PATCH", &report, r#"{"statistics":{"rows":1}}"#).await, 200);
}
