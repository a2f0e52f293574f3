//! Measures the state of the migrations and how many months of history are prepared.

use std::time::Duration;

use anyhow::Context as _;
use flowruns_domain::clock::{Clock as _, SystemClock};
use flowruns_persistence::{PostgresStore, SchemaStatus, migrate::MigrationState};
use tokio::time::timeout;

use super::PeriodicTask;

const INTERVAL: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(1);

/// While the database is unavailable the gauges keep their last values.
pub(crate) struct SchemaMeasurement(pub(crate) PostgresStore);

impl PeriodicTask for SchemaMeasurement {
    const NAME: &'static str = "schemaMeasurement";

    fn interval(&self) -> Duration {
        INTERVAL
    }

    async fn run(&mut self) -> anyhow::Result<()> {
        let measured = timeout(TIMEOUT, self.measure()).await;
        measured.context("the schema was not measured in time")?
    }
}

impl SchemaMeasurement {
    async fn measure(&self) -> anyhow::Result<()> {
        show_migrations(&self.0.schema_status().await?);
        let months = self.0.partitions_ahead(SystemClock.now()).await?;
        metrics::gauge!("flowruns_history_months_ahead").set(months);
        Ok(())
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
