//! The recorder of the metrics, and what is measured when somebody asks for them.

use std::time::Duration;

use anyhow::Context as _;
use flowruns_api::{Check, Readiness};
use flowruns_domain::{Clock as _, SystemClock};
use flowruns_persistence::{PostgresStore, SchemaStatus, migrate::MigrationState};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;
use tokio::{
    sync::Mutex,
    time::{Instant, interval, timeout},
};

use crate::{config, telemetry};

/// Seconds: from what a read takes to the longest time-out.
const SECONDS: [f64; 13] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 30.0,
];
/// Reports in one statement.
const REPORTS: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];
/// What was observed is put into its buckets so often, also when nobody asks.
const UPKEEP: Duration = Duration::from_secs(5);
/// The database is asked about its schema so often at most, and for so long.
const DATABASE_EVERY: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(1);

/// Seconds until the certificate of TLS expires.
pub(crate) const CERTIFICATE_EXPIRY: &str = "flowruns_tls_certificate_expiry_seconds";

/// The commit, where the one who builds says it.
const COMMIT: Option<&str> = option_env!("FLOWRUNS_COMMIT");

/// Where everything is counted.
#[derive(Clone)]
pub(crate) struct Recorder(PrometheusHandle);

/// Starts to count, for the whole process.
pub(crate) fn record() -> anyhow::Result<Recorder> {
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
    let upkeep = handle.clone();
    tokio::spawn(async move {
        let mut ticks = interval(UPKEEP);
        loop {
            ticks.tick().await;
            upkeep.run_upkeep();
        }
    });
    Ok(Recorder(handle))
}

impl Recorder {
    /// All metrics, in the text format of Prometheus.
    pub(crate) fn render(&self) -> String {
        self.0.render()
    }
}

/// Measures what nobody counts.
pub(crate) struct Scrape {
    store: PostgresStore,
    readiness: Readiness,
    process: Collector,
    asked: Mutex<Option<Instant>>,
}

impl Scrape {
    /// Of a server on this store.
    pub(crate) fn new(
        store: PostgresStore,
        readiness: Readiness,
        limits: &config::Database,
    ) -> Self {
        let limit = |name: &'static str, limit: u64| metrics::gauge!(name).set(limit as f64);
        limit(
            "flowruns_database_connections_limit",
            limits.max_connections,
        );
        limit("flowruns_writer_queue_limit_reports", limits.writer_queue);
        limit(
            "flowruns_writer_queue_limit_bytes",
            limits.writer_queue_bytes,
        );
        Self {
            store,
            readiness,
            process: Collector::default(),
            asked: Mutex::default(),
        }
    }

    /// Whether the server can serve.
    pub(crate) const fn readiness(&self) -> &Readiness {
        &self.readiness
    }

    /// Sets every gauge anew. Answers within a few seconds, whatever the database does.
    pub(crate) async fn measure(&self) {
        self.process.collect();
        let dropped = telemetry::dropped_lines() as u64;
        metrics::counter!("flowruns_log_lines_dropped_total").absolute(dropped);
        self.measure_load();
        self.measure_readiness().await;
        self.measure_database().await;
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

    /// While the database is away, what was found last stands.
    async fn measure_database(&self) {
        let mut asked = self.asked.lock().await;
        if asked.is_some_and(|asked| asked.elapsed() < DATABASE_EVERY) {
            return;
        }
        *asked = Some(Instant::now());
        let measured = async {
            show_migrations(&self.store.schema_status().await?);
            let months = self.store.partitions_ahead(SystemClock.now()).await?;
            metrics::gauge!("flowruns_history_months_ahead").set(months);
            anyhow::Ok(())
        };
        match timeout(PATIENCE, measured).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(
                error = format!("{error:#}"),
                "the database was not measured"
            ),
            Err(_elapsed) => tracing::debug!("the database was not measured in time"),
        }
    }
}

fn show_migrations(status: &SchemaStatus) {
    let applied = status.versions(MigrationState::Applied).into_iter();
    let newer = status.versions(MigrationState::Unknown);
    let version = applied.chain(newer).max().unwrap_or(0);
    metrics::gauge!("flowruns_migrations_applied_version").set(version as f64);
    for (name, state) in [
        ("flowruns_migrations_pending", MigrationState::Pending),
        ("flowruns_migrations_changed", MigrationState::Changed),
    ] {
        metrics::gauge!(name).set(status.versions(state).len() as f64);
    }
}

fn describe() {
    let gauges = [
        (
            "flowruns_build_info",
            "1; the labels say which build this is.",
        ),
        (
            "flowruns_ready",
            "Whether the server can serve, as /readyz says.",
        ),
        (
            "flowruns_readiness_failed",
            "1 for the check that keeps the server from being ready.",
        ),
        (
            "flowruns_database_connections",
            "Connections of the pool that are open.",
        ),
        (
            "flowruns_database_connections_idle",
            "Those of them that nobody uses.",
        ),
        (
            "flowruns_database_connections_limit",
            "The most there may be.",
        ),
        (
            "flowruns_writer_queue_reports",
            "Reports and creations that wait or are being written.",
        ),
        ("flowruns_writer_queue_bytes", "The bytes of their bodies."),
        (
            "flowruns_writer_queue_limit_reports",
            "The most that may wait.",
        ),
        (
            "flowruns_writer_queue_limit_bytes",
            "The most bytes that may wait.",
        ),
        (
            "flowruns_migrations_applied_version",
            "The newest migration in the database.",
        ),
        (
            "flowruns_migrations_pending",
            "Migrations of this release that are not in the database.",
        ),
        (
            "flowruns_migrations_changed",
            "Migrations that have another text in the database.",
        ),
        (
            "flowruns_history_months_ahead",
            "Months of history made beyond the present one; -1 without that one.",
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
        "Lines that nobody read in time."
    );
    Collector::default().describe();
}
