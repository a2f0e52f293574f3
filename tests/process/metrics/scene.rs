//! What is done to a server so that its metrics move.

use reqwest::Client;
use tempfile::TempDir;

use super::shown::Metrics;
use crate::{
    admin::{run, superuser},
    program::data_folder,
    server::{Server, at, send},
};

/// A server with a small pool, and somebody's session in its database.
pub(super) struct Scene {
    pub(super) server: Server,
    pub(super) admin: String,
    pub(super) folder: TempDir,
    pub(super) http: Client,
}

impl Scene {
    pub(super) fn start() -> Self {
        let folder = data_folder();
        let settings = [
            ("FLOWRUNS_DATABASE__MAX_CONNECTIONS", "2"),
            ("FLOWRUNS_DATABASE__ACQUIRE_TIMEOUT_MS", "100"),
            // Nobody reads the log on, and a server whose log is full stands still.
            ("RUST_LOG", "warn,flowruns::admin=info"),
        ];
        let mut server = Server::start_with(&folder, &settings);
        let admin = server.admin_url();
        Self {
            server,
            admin,
            folder,
            http: Client::new(),
        }
    }

    pub(super) fn token(&self) -> &str {
        &self.server.calls[1].token
    }

    pub(super) async fn send(&self, method: &str, path: &str, body: &str) -> u16 {
        let url = at(&self.server, &format!("http://host{path}"));
        send(method, &url, self.token(), body).await.0
    }

    /// The path of a new run.
    pub(super) async fn run(&self) -> String {
        let runs = &self.server.calls[0];
        let (status, run) = send(
            "POST",
            &format!("http{}", runs.url),
            &runs.token,
            r#"{"displayName":"R"}"#,
        )
        .await;
        assert_eq!(status, 201);
        format!("{}/{}", self.runs_path(), run["id"].as_str().unwrap())
    }

    pub(super) fn runs_path(&self) -> String {
        let url = format!("http{}", self.server.calls[0].url);
        let path = url.splitn(4, '/').nth(3).unwrap();
        format!("/{path}")
    }

    pub(super) async fn metrics(&self) -> Metrics {
        Metrics::read(&self.admin).await
    }

    /// Asks until a metric has moved: each question is answered by the server, so there is something to wait for.
    pub(super) async fn until(&self, is_so: impl Fn(&Metrics) -> bool) {
        while !is_so(&self.metrics().await) {}
    }
}

/// Requests that succeed, and that are refused in every way that is counted apart.
pub(super) async fn ordinary_requests(scene: &Scene) {
    let run = scene.run().await;
    for (status, body) in [
        (200, r#"{"status":"completed"}"#),
        (409, r#"{"status":"running"}"#),
        (409, r#"{"status":"failed"}"#),
        (400, "{"),
    ] {
        assert_eq!(scene.send("PATCH", &run, body).await, status);
    }
    let url = at(&scene.server, &format!("http://host{run}"));
    assert_eq!(send("GET", &url, "no token", "").await.0, 401);
    assert_eq!(scene.http.get(&url).send().await.unwrap().status(), 401);
}

/// Somebody holds the rows of three runs: their reports lose their races and wait, with all connections of the pool.
pub(super) async fn contention(scene: &Scene) {
    let runs = [scene.run().await, scene.run().await, scene.run().await];
    let mut holder = superuser(&scene.folder).await;
    run(&mut holder, "BEGIN; SELECT FROM runs FOR UPDATE").await;
    let reports = runs
        .iter()
        .map(|run| scene.send("PATCH", run, r#"{"status":"failed"}"#));
    let reports = futures_util::future::join_all(reports);
    let looks_on = async {
        scene
            .until(|metrics| {
                metrics.sum("flowruns_writer_contended_runs", &[]) == 3.0
                    && metrics.sum("flowruns_database_acquire_timeouts_total", &[]) > 0.0
                    && metrics.sum("flowruns_writer_retries_total", &["lock"]) > 0.0
            })
            .await;
        let metrics = scene.metrics().await;
        assert_eq!(metrics.sum("flowruns_writer_queue_reports", &[]), 3.0);
        assert!(metrics.sum("flowruns_writer_queue_bytes", &[]) > 0.0);
        assert_eq!(metrics.sum("flowruns_http_requests_in_flight", &[]), 3.0);
        run(&mut holder, "ROLLBACK").await;
    };
    let (statuses, ()) = tokio::join!(reports, looks_on);
    assert_eq!(statuses, [200, 200, 200]);
}

/// The sessions of the server are ended, so that what it does next fails and is done again.
pub(super) async fn lost_sessions(scene: &Scene) {
    let mut session = superuser(&scene.folder).await;
    let terminate = "
        SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'flowruns_service'";
    let report = scene.run().await;
    run(&mut session, terminate).await;
    assert_eq!(scene.send("GET", &report, "").await, 200);
    run(&mut session, terminate).await;
    assert_eq!(
        scene
            .send("PATCH", &report, r#"{"statistics":{"rows":1}}"#)
            .await,
        200
    );
}
