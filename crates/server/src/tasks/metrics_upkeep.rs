//! Moves observed values into the buckets of their histograms, so that they take no memory until the next scrape.

use std::time::Duration;

use super::PeriodicTask;
use crate::metrics::Recorder;

const INTERVAL: Duration = Duration::from_secs(5);

pub(crate) struct MetricsUpkeep(pub(crate) Recorder);

impl PeriodicTask for MetricsUpkeep {
    const NAME: &'static str = "metricsUpkeep";

    fn interval(&self) -> Duration {
        INTERVAL
    }

    async fn run(&mut self) -> anyhow::Result<()> {
        self.0.run_upkeep();
        Ok(())
    }
}
