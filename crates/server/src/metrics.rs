//! The recorder of the metrics, and the gauges that are measured at each scrape.

use anyhow::Context as _;
use flowruns_http::{Check, Readiness};
use flowruns_persistence::PostgresStore;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;

use crate::{config, tasks, telemetry};

/// Buckets of durations in seconds: from a fast read to the longest timeout.
const SECONDS: [f64; 13] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 30.0];
/// Buckets of the number of reports in one statement.
const REPORTS: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];

/// Seconds until the TLS certificate expires.
pub(crate) const CERTIFICATE_EXPIRY: &str = "flowruns_tls_certificate_expiry_seconds";

/// The commit, if the build sets it.
const COMMIT: Option<&str> = option_env!("FLOWRUNS_COMMIT");

/// The recorder of all metrics of the process.
#[derive(Clone)]
pub(crate) struct Recorder(PrometheusHandle);

/// Starts recording, for the whole process.
pub(crate) fn start_recording() -> anyhow::Result<Recorder> {
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_reports".to_owned()), &REPORTS)?
        .build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).context("metrics are recorded already")?;
    describe();
    let commit = COMMIT.unwrap_or("unknown");
    let version = env!("CARGO_PKG_VERSION");
    metrics::gauge!("flowruns_build_info", "version" => version, "commit" => commit).set(1);
    metrics::gauge!(CERTIFICATE_EXPIRY).set(f64::NAN);
    Ok(Recorder(handle))
}

impl Recorder {
    /// All metrics, in the text format of Prometheus.
    pub(crate) fn render(&self) -> String {
        self.0.render()
    }

    /// Moves observed values into the buckets of their histograms.
    pub(crate) fn run_upkeep(&self) {
        self.0.run_upkeep();
    }
}

/// Measures the gauges that change without an event of this process.
pub(crate) struct Scrape {
    store: PostgresStore,
    readiness: Readiness,
    process: Collector,
}

impl Scrape {
    pub(crate) fn new(
        store: PostgresStore,
        readiness: Readiness,
        limits: &config::DatabaseSettings,
    ) -> Self {
        let limit = |name: &'static str, limit: u64| metrics::gauge!(name).set(limit as f64);
        limit("flowruns_database_connections_limit", limits.max_connections);
        limit("flowruns_writer_queue_limit_reports", limits.writer_queue);
        limit("flowruns_writer_queue_limit_bytes", limits.writer_queue_bytes);
        Self { store, readiness, process: Collector::default() }
    }

    /// The readiness of the server.
    pub(crate) const fn readiness(&self) -> &Readiness {
        &self.readiness
    }

    /// Sets the gauges. It ends within a few seconds, also when the database does not respond.
    pub(crate) async fn measure(&self) {
        self.process.collect();
        let dropped = telemetry::dropped_lines() as u64;
        metrics::counter!("flowruns_log_lines_dropped_total").absolute(dropped);
        self.measure_load();
        self.measure_readiness().await;
    }

    fn measure_load(&self) {
        let load = self.store.load();
        let gauge = |name: &'static str, value: usize| metrics::gauge!(name).set(value as f64);
        metrics::gauge!("flowruns_database_connections").set(load.connections);
        gauge("flowruns_database_connections_idle", load.idle_connections);
        gauge("flowruns_writer_queue_reports", load.queued_reports);
        gauge("flowruns_writer_queue_bytes", load.queued_bytes);
    }

    async fn measure_readiness(&self) {
        let failed = self.readiness.check().await.map(|unready| unready.check);
        metrics::gauge!("flowruns_ready").set(u8::from(failed.is_none()));
        for check in Check::ALL {
            let fails = u8::from(failed == Some(check));
            metrics::gauge!("flowruns_readiness_failed", "check" => check.name()).set(fails);
        }
    }
}

fn describe() {
    let gauges = [
        ("flowruns_build_info", "1; the labels name the build."),
        ("flowruns_ready", "Whether the server can serve, as /readyz says."),
        ("flowruns_readiness_failed", "1 for the check that makes the server not ready."),
        ("flowruns_database_connections", "Open connections of the pool."),
        ("flowruns_database_connections_idle", "Open connections of the pool that are not in use."),
        ("flowruns_database_connections_limit", "The maximum number of connections of the pool."),
        ("flowruns_writer_queue_reports", "Reports and creations that wait or are being written."),
        (
            "flowruns_writer_queue_bytes",
            "The bytes that queued reports and creations hold in memory.",
        ),
        (
            "flowruns_writer_queue_limit_reports",
            "The maximum number of queued reports and creations.",
        ),
        (
            "flowruns_writer_queue_limit_bytes",
            "The maximum number of bytes that they may hold in memory.",
        ),
        ("flowruns_migrations_applied_version", "The newest migration in the database."),
        ("flowruns_migrations_pending", "Migrations of this release that are not applied."),
        ("flowruns_migrations_changed", "Migrations whose text differs from the applied one."),
        (
            "flowruns_history_months_ahead",
            "Months of history prepared after the current one; -1 if the current one is missing.",
        ),
        (
            CERTIFICATE_EXPIRY,
            "Seconds until the TLS certificate expires, negative afterwards; NaN without one.",
        ),
    ];
    for (name, help) in gauges {
        metrics::describe_gauge!(name, help);
    }
    metrics::describe_counter!(
        "flowruns_log_lines_dropped_total",
        "Log lines that were dropped because they were not read in time."
    );
    tasks::describe_metrics();
    Collector::default().describe();
}
