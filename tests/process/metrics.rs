//! The metrics: what is documented is there and moves, labels are bounded, and who looks finds what is named.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Client;
use tempfile::TempDir;

use crate::{
    admin::{get, run, superuser},
    deploy::{self, Shown},
    program::data_folder,
    server::{Server, at, send},
};

const DOCUMENTED: &str = include_str!("../../deploy/README.md");
/// So many paths, methods and ids that are new to the server.
const ODD: usize = 1000;

/// The series that a server shows, with their values.
struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    async fn read(admin: &str) -> Self {
        let (status, text) = get(&format!("{admin}/metrics")).await;
        assert_eq!(status, 200);
        let lines = text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        let series = lines.map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            (series.to_owned(), value.parse().unwrap())
        });
        Self(series.collect())
    }

    /// The sum of all series of a metric whose labels hold these.
    fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        let is_meant = |series: &str| {
            let (metric, rest) = series.split_once('{').unwrap_or((series, ""));
            metric == name && labels.iter().all(|label| rest.contains(label))
        };
        let meant = self.0.iter().filter(|(series, _)| is_meant(series));
        meant.map(|(_, value)| value).sum()
    }

    /// Metrics with the names of their labels.
    fn shown(&self) -> Shown {
        let mut shown = Shown::new();
        for series in self.0.keys() {
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            let labels = labels.trim_end_matches('}').split("\",");
            let names = labels.filter_map(|label| label.split_once("=\""));
            let names = names.map(|(name, _)| name.to_owned());
            shown.insert(name.to_owned(), names.collect());
        }
        shown
    }

    /// Without what histograms add.
    fn names(&self) -> BTreeSet<String> {
        let of_a_histogram = ["_bucket", "_sum", "_count"];
        let name = |name: String| {
            let base = of_a_histogram.iter().find_map(|end| name.strip_suffix(end));
            base.map(str::to_owned).unwrap_or(name)
        };
        self.shown().into_keys().map(name).collect()
    }
}

/// The metrics of the table, each with its labels.
fn documented() -> BTreeMap<String, Vec<String>> {
    let rows = DOCUMENTED
        .lines()
        .filter(|line| line.starts_with("| `flowruns_"));
    let quoted = |cell: &str| -> Vec<String> {
        let parts = cell.split('`').skip(1).step_by(2);
        parts.map(str::to_owned).collect()
    };
    rows.map(|row| {
        let cells: Vec<_> = row.split('|').collect();
        (quoted(cells[1]).remove(0), quoted(cells[3]))
    })
    .collect()
}

/// A server with a small pool, and somebody's session in its database.
struct Scene {
    server: Server,
    admin: String,
    folder: TempDir,
    http: Client,
}

impl Scene {
    fn start() -> Self {
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

    fn token(&self) -> &str {
        &self.server.calls[1].token
    }

    async fn send(&self, method: &str, path: &str, body: &str) -> u16 {
        let url = at(&self.server, &format!("http://host{path}"));
        send(method, &url, self.token(), body).await.0
    }

    /// The path of a new run.
    async fn run(&self) -> String {
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

    fn runs_path(&self) -> String {
        let url = format!("http{}", self.server.calls[0].url);
        let path = url.splitn(4, '/').nth(3).unwrap();
        format!("/{path}")
    }

    async fn metrics(&self) -> Metrics {
        Metrics::read(&self.admin).await
    }

    /// Asks until a metric has moved: each question is answered by the server, so there is something to wait for.
    async fn until(&self, is_so: impl Fn(&Metrics) -> bool) {
        while !is_so(&self.metrics().await) {}
    }
}

/// Requests that succeed, and that are refused in every way that is counted apart.
async fn ordinary_requests(scene: &Scene) {
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
async fn contention(scene: &Scene) {
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
async fn lost_sessions(scene: &Scene) {
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_documented_metric_is_there_and_moves() {
    let scene = Scene::start();
    let before = scene.metrics().await;
    ordinary_requests(&scene).await;
    contention(&scene).await;
    lost_sessions(&scene).await;
    let after = scene.metrics().await;

    let documented = documented();
    let names: BTreeSet<_> = documented.keys().cloned().collect();
    let shown = after.names();
    let of_ours = |name: &&String| name.starts_with("flowruns_");
    assert_eq!(names, shown.iter().filter(of_ours).cloned().collect());
    for name in shown.iter().filter(|name| !of_ours(name)) {
        assert!(DOCUMENTED.contains(&format!("`{name}`")), "{name}");
    }
    let labels = after.shown();
    for (name, expected) in &documented {
        let bucket = format!("{name}_count");
        assert_eq!(
            labels.get(name).or(labels.get(&bucket)),
            Some(expected),
            "{name}"
        );
    }
    deploy::assert_names(&labels);

    let moved = |name: &str, labels: &[&str]| after.sum(name, labels) - before.sum(name, labels);
    for (name, labels, by) in [
        ("flowruns_runs_created_total", &[][..], 5.0),
        ("flowruns_runs_ended_total", &["\"completed\""], 1.0),
        ("flowruns_runs_ended_total", &["\"failed\""], 3.0),
        (
            "flowruns_http_requests_total",
            &["\"PATCH\"", "\"409\"", "/runs/{run}\""],
            2.0,
        ),
        (
            "flowruns_http_request_duration_seconds_count",
            &["\"PATCH\""],
            8.0,
        ),
        (
            "flowruns_http_requests_refused_total",
            &["runAlreadyEnded"],
            1.0,
        ),
        (
            "flowruns_http_requests_refused_total",
            &["conflictingOutcome"],
            1.0,
        ),
        (
            "flowruns_http_requests_refused_total",
            &["malformedJson"],
            1.0,
        ),
        ("flowruns_tokens_refused_total", &["\"invalid\""], 1.0),
        ("flowruns_tokens_refused_total", &["\"missing\""], 1.0),
        ("flowruns_writer_batch_reports_sum", &["\"create\""], 5.0),
        ("flowruns_writer_batch_reports_sum", &["\"lock\""], 3.0),
    ] {
        assert_eq!(moved(name, labels), by, "{name} {labels:?}");
    }
    assert!(moved("flowruns_writer_races_lost_total", &[]) >= 3.0);
    assert!(moved("flowruns_database_retries_total", &[]) >= 1.0);
    assert!(
        moved(
            "flowruns_writer_batch_duration_seconds_count",
            &["\"write\""]
        ) >= 2.0
    );
    let retried =
        ["\"read\"", "\"write\""].map(|step| moved("flowruns_writer_retries_total", &[step]));
    assert!(retried.iter().sum::<f64>() >= 1.0, "{retried:?}");

    for (name, value) in [
        ("flowruns_ready", 1.0),
        ("flowruns_build_info", 1.0),
        ("flowruns_database_connections_limit", 2.0),
        ("flowruns_writer_contended_runs", 0.0),
        ("flowruns_writer_queue_reports", 0.0),
        ("flowruns_http_requests_in_flight", 0.0),
        ("flowruns_history_months_ahead", 3.0),
        ("flowruns_migrations_pending", 0.0),
    ] {
        assert_eq!(after.sum(name, &[]), value, "{name}");
    }
    assert!(after.sum("process_resident_memory_bytes", &[]) > 1e6);
    assert!(after.sum("process_open_fds", &[]) > 1.0);
}

/// One of a kind warms the series up, then none comes with a thousand more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odd_paths_methods_ids_and_tenants_make_no_series() {
    let scene = Scene::start();
    let root = at(&scene.server, "http://host/");
    let runs = scene.runs_path();
    let odd = async |number: usize| {
        let id = uuid::Uuid::from_u128(number as u128 + 1);
        for (method, path) in [
            ("GET", format!("/nothing/{number}")),
            (&*format!("ODD{number}"), format!("/{number}")),
            (&*format!("ODD{number}"), format!("{runs}/{id}")),
            ("GET", format!("{runs}/{id}")),
            ("GET", format!("/beta{runs}('{id}')")),
        ] {
            let url = format!("{root}{}", &path[1..]);
            let request = scene.http.request(method.parse().unwrap(), url);
            let request = request
                .bearer_auth(scene.token())
                .header("client-request-id", number.to_string());
            let status = request.send().await.unwrap().status();
            assert!(status == 404 || status == 405, "{status}");
        }
    };
    odd(0).await;
    let series = |metrics: Metrics| metrics.0.into_keys().collect::<BTreeSet<_>>();
    let before = series(scene.metrics().await);
    for number in 1..=ODD {
        odd(number).await;
    }
    let metrics = scene.metrics().await;
    let count = metrics.sum("flowruns_http_requests_total", &[]);
    assert_eq!(count, (5 * (ODD + 1)) as f64);
    let of_the_run = metrics.sum(
        "flowruns_http_requests_total",
        &["\"GET\"", "/runs/{run}\""],
    );
    assert_eq!(of_the_run, (2 * (ODD + 1)) as f64);
    assert_eq!(series(metrics), before);
}
