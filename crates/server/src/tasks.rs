//! Background tasks of the server: run at an interval, restarted after a panic, metered, and ended at shutdown.
//!
//! A task belongs to one server. Several servers on one database run the same tasks, so each must tolerate others.

mod certificate_renewal;
mod key_purge;
mod metrics_upkeep;
mod schema_measurement;
#[cfg(test)]
mod tests;

use std::{future::Future, panic::AssertUnwindSafe, time::Duration};

use flowruns_domain::clock::{Clock as _, SystemClock};
use futures_util::FutureExt as _;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};

pub(crate) use self::{
    certificate_renewal::CertificateRenewal, key_purge::KeyPurge, metrics_upkeep::MetricsUpkeep,
    schema_measurement::SchemaMeasurement,
};

const RUNS: &str = "flowruns_task_runs_total";
const FAILURES: &str = "flowruns_task_failures_total";
const LAST_SUCCESS: &str = "flowruns_task_last_success_timestamp_seconds";

/// The pause after the first panic of a series; each further one doubles it, up to the maximum.
const MIN_BACKOFF: Duration = Duration::from_secs(1);
const MAX_BACKOFF: Duration = Duration::from_secs(60);
/// How long the runs in progress may take at shutdown.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Work that is repeated for as long as the server runs.
pub(crate) trait PeriodicTask: Send + 'static {
    /// The label of its metrics.
    const NAME: &'static str;

    /// The time from the end of one run to the start of the next.
    fn interval(&self) -> Duration;

    /// Runs once. After an error or a panic it is run again, so it must leave a state from which that is possible.
    fn run(&mut self) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// The tasks of one server.
pub(crate) struct BackgroundTasks {
    tasks: JoinSet<()>,
    is_stopping: watch::Sender<bool>,
}

impl BackgroundTasks {
    pub(crate) fn new() -> Self {
        Self { tasks: JoinSet::new(), is_stopping: watch::Sender::new(false) }
    }

    /// Starts a task. Its first run begins at once.
    pub(crate) fn start(&mut self, task: impl PeriodicTask) {
        self.tasks.spawn(supervise(task, self.is_stopping.subscribe()));
    }

    /// Starts no further run, and waits for those in progress, for 5 s at most.
    pub(crate) async fn stop(mut self) {
        self.is_stopping.send_replace(true);
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(DRAIN_TIMEOUT, ended).await.is_err() {
            tracing::warn!("background tasks were still running at the end of the shutdown");
        }
    }
}

/// Describes the metrics of all tasks.
pub(crate) fn describe_metrics() {
    metrics::describe_counter!(RUNS, "Runs of a background task.");
    metrics::describe_counter!(FAILURES, "Runs that ended with an error or a panic.");
    metrics::describe_gauge!(
        LAST_SUCCESS,
        "When the last run that succeeded ended, in seconds of Unix time; 0 before the first one."
    );
}

async fn supervise<T: PeriodicTask>(mut task: T, mut is_stopping: watch::Receiver<bool>) {
    let runs = metrics::counter!(RUNS, "task" => T::NAME);
    let failures = metrics::counter!(FAILURES, "task" => T::NAME);
    let last_success = metrics::gauge!(LAST_SUCCESS, "task" => T::NAME);
    failures.increment(0);
    let mut failure = None;
    let mut panics: u32 = 0;
    while !*is_stopping.borrow() {
        // A run that panics is run again with what it left; the panic itself is in the log already.
        let result = AssertUnwindSafe(task.run()).catch_unwind().await;
        runs.increment(1);
        let mut pause = task.interval();
        match result {
            Ok(Ok(())) => {
                last_success.set(SystemClock.now().date_time().timestamp() as f64);
                (failure, panics) = (None, 0);
            }
            Ok(Err(error)) => {
                failures.increment(1);
                panics = 0;
                log_new_failure::<T>(&mut failure, format!("{error:#}"));
            }
            Err(_panic) => {
                failures.increment(1);
                pause = pause.max(backoff(panics));
                panics = panics.saturating_add(1);
                tracing::error!(
                    task = T::NAME,
                    ?pause,
                    "a background task panicked and is restarted"
                );
            }
        }
        tokio::select! {
            () = sleep(pause) => {}
            _stopping = is_stopping.wait_for(|is_stopping| *is_stopping) => return,
        }
    }
}

/// The same failure is logged once, until it changes or a run succeeds.
fn log_new_failure<T: PeriodicTask>(logged: &mut Option<String>, error: String) {
    if logged.as_ref() == Some(&error) {
        return;
    }
    tracing::warn!(task = T::NAME, error, "a background task failed and will be run again");
    *logged = Some(error);
}

fn backoff(panics: u32) -> Duration {
    MIN_BACKOFF.saturating_mul(2_u32.saturating_pow(panics)).min(MAX_BACKOFF)
}
