//! The metrics of the store. The handles are created once, so the recorder must be installed before the store connects.

use std::time::Instant;

use flowruns_domain::run::{Outcome, Run, RunStatus};
use metrics::{Counter, Gauge, Histogram, Unit};

const BATCH_SIZE: &str = "flowruns_writer_batch_reports";
const BATCH_DURATION: &str = "flowruns_writer_batch_duration_seconds";
const RETRIES: &str = "flowruns_writer_retries_total";
const RACES_LOST: &str = "flowruns_writer_races_lost_total";
const LOCK_TIMEOUTS: &str = "flowruns_writer_lock_timeouts_total";
const CONTENDED: &str = "flowruns_writer_contended_runs";
const CACHE_HITS: &str = "flowruns_run_cache_hits_total";
const CACHE_MISSES: &str = "flowruns_run_cache_misses_total";
const CACHE_OUTDATED: &str = "flowruns_run_cache_outdated_total";
const CACHE_BYTES: &str = "flowruns_run_cache_bytes";
const PANICS: &str = "flowruns_writer_panics_total";
const CREATED: &str = "flowruns_runs_created_total";
const ENDED: &str = "flowruns_runs_ended_total";
const READ_RETRIES: &str = "flowruns_database_retries_total";
const ACQUIRE_TIMEOUTS: &str = "flowruns_database_acquire_timeouts_total";

/// Every terminal status.
const OUTCOMES: [Outcome; 4] = [
    Outcome::Completed,
    Outcome::CompletedWithWarnings,
    Outcome::CompletedWithErrors,
    Outcome::Failed,
];

/// The metrics of the writers of a store.
pub(crate) struct StoreMeter {
    /// Statements that read the runs of a batch.
    pub(crate) read: StatementMeter,
    /// Statements that write a batch of reports.
    pub(crate) write: StatementMeter,
    /// Statements that create runs.
    pub(crate) create: StatementMeter,
    /// Transactions that wait for a contended run.
    pub(crate) lock: StatementMeter,
    races_lost: Counter,
    lock_timeouts: Counter,
    contended: Gauge,
    created: Counter,
    ended: [Counter; OUTCOMES.len()],
}

/// The metrics of one kind of statement.
pub(crate) struct StatementMeter {
    size: Histogram,
    duration: Histogram,
    retries: Counter,
}

/// The metrics of the cache of runs.
pub(crate) struct CacheMeter {
    hits: Counter,
    misses: Counter,
    outdated: Counter,
    bytes: Gauge,
}

impl CacheMeter {
    pub(crate) fn new() -> Self {
        Self {
            hits: metrics::counter!(CACHE_HITS),
            misses: metrics::counter!(CACHE_MISSES),
            outdated: metrics::counter!(CACHE_OUTDATED),
            bytes: metrics::gauge!(CACHE_BYTES),
        }
    }

    /// A run was looked up; then the cache has this size.
    pub(crate) fn looked_up(&self, found: bool, bytes: usize) {
        if found { &self.hits } else { &self.misses }.increment(1);
        self.size(bytes);
    }

    /// A run had been changed by another server since it was kept.
    pub(crate) fn outdated(&self) {
        self.outdated.increment(1);
    }

    /// The size of the cache, in bytes.
    pub(crate) fn size(&self, bytes: usize) {
        self.bytes.set(bytes as f64);
    }
}

impl StoreMeter {
    pub(crate) fn new() -> Self {
        describe();
        let ended =
            |outcome| metrics::counter!(ENDED, "status" => RunStatus::Ended(outcome).as_str());
        Self {
            read: StatementMeter::new("read"),
            write: StatementMeter::new("write"),
            create: StatementMeter::new("create"),
            lock: StatementMeter::new("lock"),
            races_lost: metrics::counter!(RACES_LOST),
            lock_timeouts: metrics::counter!(LOCK_TIMEOUTS),
            contended: metrics::gauge!(CONTENDED),
            created: metrics::counter!(CREATED),
            ended: OUTCOMES.map(ended),
        }
    }

    /// Reports were decided on a row that another process has changed since.
    pub(crate) fn races_lost(&self, reports: usize) {
        self.races_lost.increment(reports as u64);
    }

    /// A batch waited in vain for a row that another session has locked.
    pub(crate) fn lock_timed_out(&self) {
        self.lock_timeouts.increment(1);
    }

    /// A run has lost too many races.
    pub(crate) fn contention_begins(&self) {
        self.contended.increment(1);
    }

    /// No report waits for it any more.
    pub(crate) fn contention_ends(&self) {
        self.contended.decrement(1);
    }

    /// A run was created, perhaps in a terminal status.
    pub(crate) fn created(&self, run: &Run) {
        self.created.increment(1);
        self.ended(RunStatus::Running, run);
    }

    /// A run was written; `before` is its status in the version before.
    pub(crate) fn ended(&self, before: RunStatus, run: &Run) {
        let now = run.properties.state.status();
        if before == RunStatus::Running
            && let RunStatus::Ended(outcome) = now
            && let Some(index) = OUTCOMES.iter().position(|known| *known == outcome)
        {
            self.ended[index].increment(1);
        }
    }
}

impl StatementMeter {
    fn new(step: &'static str) -> Self {
        Self {
            size: metrics::histogram!(BATCH_SIZE, "step" => step),
            duration: metrics::histogram!(BATCH_DURATION, "step" => step),
            retries: metrics::counter!(RETRIES, "step" => step),
        }
    }

    /// A statement for this number of reports was committed.
    pub(crate) fn done(&self, reports: usize, started: Instant) {
        self.size.record(reports as f64);
        self.duration.record(started.elapsed());
    }

    /// A statement failed, and is repeated.
    pub(crate) fn retried(&self) {
        self.retries.increment(1);
    }
}

/// A task of the writer panicked, and is restarted.
pub(crate) fn panicked() {
    metrics::counter!(PANICS).increment(1);
}

/// A read is repeated; `unit` is its label.
pub(crate) fn read_retried(unit: &'static str) {
    metrics::counter!(READ_RETRIES, "unit" => unit).increment(1);
}

/// No connection of the pool was free within `acquire_timeout`.
pub(crate) fn acquire_timed_out() {
    metrics::counter!(ACQUIRE_TIMEOUTS).increment(1);
}

fn describe() {
    metrics::describe_histogram!(BATCH_SIZE, "Reports in one statement, by step.");
    metrics::describe_histogram!(
        BATCH_DURATION,
        Unit::Seconds,
        "How long a statement took, with its commit, by step."
    );
    metrics::describe_counter!(RETRIES, "Statements repeated after a failure, by step.");
    metrics::describe_counter!(
        RACES_LOST,
        "Reports decided on a row that another server had changed since."
    );
    metrics::describe_counter!(
        LOCK_TIMEOUTS,
        "Batches that waited in vain for a row that another session had locked, and were written without it."
    );
    metrics::describe_gauge!(
        CONTENDED,
        "Runs whose reports lost too many races and wait for a lock."
    );
    metrics::describe_counter!(CACHE_HITS, "Runs of which a report was decided without a read.");
    metrics::describe_counter!(CACHE_MISSES, "Runs that were read to decide a report.");
    metrics::describe_counter!(
        CACHE_OUTDATED,
        "Cached runs that another server had changed since; their reports were decided again."
    );
    metrics::describe_gauge!(CACHE_BYTES, Unit::Bytes, "The size of the cache of runs, about.");
    metrics::describe_counter!(PANICS, "Tasks of the writer that panicked and were restarted.");
    metrics::describe_counter!(CREATED, "Runs created.");
    metrics::describe_counter!(
        ENDED,
        "Runs ended, by status; includes runs created in a terminal status."
    );
    metrics::describe_counter!(
        READ_RETRIES,
        "Reads and changes of flows that were repeated, by unit."
    );
    metrics::describe_counter!(
        ACQUIRE_TIMEOUTS,
        "Requests for a connection of the pool that timed out."
    );
    // Alerts watch the increase of these: they must exist with 0 before the first event.
    metrics::counter!(ACQUIRE_TIMEOUTS).absolute(0);
    metrics::counter!(PANICS).absolute(0);
}
