//! The writer of reports and creations. Each task handles all jobs that wait in its queue with one statement, so that the
//! cost of a report falls as the load rises.
//!
//! ```text
//!  RunStore::update_run                                                   RunStore::create_run
//!        │ RunReport                                                            │ RunChange
//!        │ admission: limits of requests and bytes                              │ admission
//!        ▼                                                                      ▼
//!  JobSender ── Job<QueuedReport> ──► ReadingTask ── Batch ──► WritingTask   JobSender ── Job<QueuedCreation> ──► CreationTask
//!    (queue)                          reads, decides           writes          (queue)                            creates
//!                                       ▲    │                   │
//!                                       └────│─ BatchResult ─────┘
//!                                            ▼
//!                                      ContendedRuns: one transaction a run, for reports that lost two races
//! ```
//!
//! A report has three forms on its way: [`RunReport`] is what the service sends; [`QueuedReport`] adds what its retries
//! need; [`Job`](queue::Job) adds the deadline, the permit and the channel to the caller, for reports and creations alike.
//!
//! Rules that every task keeps:
//!
//! - A caller gets its result after the commit of everything that the result was decided on.
//! - The tasks own the work: a caller that disconnects cancels nothing.
//! - While a batch is written, the next reports of its runs are deferred; other runs are read and decided.
//! - Several processes may write one run: the statement writes a row only in the version that was read. The loser decides
//!   its reports again, and after two lost races waits for a lock on the row.
//! - A batch waits for a row that another session has locked for a few milliseconds, then it is written without that row, as if it
//!   had lost a race.
//! - A write whose response was lost may have been committed, or may be committed later. Its report is decided again only
//!   after a search for its event, and is not rejected until its outcome is known.

mod batch;
mod contended_runs;
mod creation;
mod locked_rows;
pub(crate) mod locked_update;
pub(crate) mod outcomes;
mod queue;
mod reading;
mod report_chain;
mod run_cache;
mod size;
pub(crate) mod statements;
mod supervisor;
mod writing;

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use flowruns_admission::{
    AdmissionController, AdmissionLimits, CallerId, Overloaded, Permit, Usage,
};
use flowruns_domain::{
    id::RunKey,
    run::{Run, RunChange, Urgency},
    store::{NotReady, RunReport, StoreError, StoreErrorKind, Updated},
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::Instant,
};

use self::{
    contended_runs::ContendedRuns,
    creation::{CreationTask, QueuedCreation},
    locked_rows::LockWaitPolicy,
    queue::{JobReceiver, JobSender, queue},
    reading::{PendingReports, ReadingTask},
    report_chain::{QueuedReport, ReportResult},
    run_cache::RunCache,
    supervisor::supervised,
    writing::WritingTask,
};
use crate::{
    connect::ConnectOptions,
    dedicated_connection::{ConnectionGeneration, DedicatedConnection, WriteAccess},
    error::store_error,
    meter::{CacheMeter, StoreMeter},
    pool::Pool,
    retry::Backoff,
};

/// The maximum number of jobs in one statement.
const MAX_JOBS: usize = 128;
/// The maximum number of batches that wait for the writing task, which writes them together.
const MAX_BATCHES: usize = 8;

/// The queues and the tasks of a store.
pub(crate) struct Writers {
    updates: Vec<JobSender<QueuedReport, ReportResult>>,
    creations: JobSender<QueuedCreation, bool>,
    admission: Arc<AdmissionController>,
    meter: Arc<StoreMeter>,
    retry_for: Duration,
    closing: watch::Sender<bool>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    /// The connections of all tasks.
    connections: Vec<DedicatedConnection>,
}

impl Writers {
    /// Starts the tasks. When this is dropped, they carry out the jobs that wait, and end.
    pub(crate) fn start(options: &ConnectOptions, pool: &Pool) -> Self {
        let admission = AdmissionController::new(AdmissionLimits {
            requests: options.writer_queue,
            bytes: options.writer_queue_bytes,
            // The share of a caller was limited when its request was admitted.
            caller_percent: 100,
        });
        let meter = Arc::new(StoreMeter::new());
        let (closing, closed) = watch::channel(false);
        // One generation for all, since what one task writes is cached for the others.
        let generation = ConnectionGeneration::default();
        let connection = |purpose| {
            let (database, time_limit) = (options.writer_session(), options.response_timeout());
            DedicatedConnection::new(purpose, database, time_limit, generation.clone())
        };
        let cache = RunCache::new(options.run_cache_bytes, CacheMeter::new());
        let writers = options.writers.max(1);
        let mut connections = Vec::with_capacity(2 * writers + 1);
        let mut tasks = Vec::with_capacity(2 * writers + 1);
        let mut updates = Vec::with_capacity(writers);
        for _ in 0..writers {
            let (sender, queue) = queue(closed.clone());
            updates.push(sender);
            let contended = ContendedRuns::new(pool.clone(), Arc::clone(&meter));
            let reading = connection("read runs for reports");
            let writing = connection("write reports");
            connections.extend([reading.clone(), writing.clone()]);
            let both = [reading, writing];
            tasks.extend(report_tasks(queue, both, contended, &cache, &meter));
        }
        let creating = connection("create runs");
        connections.push(creating.clone());
        let (creations, queue) = queue(closed);
        tasks.push(supervised(CreationTask {
            queue,
            connection: creating,
            cache,
            backoff: Backoff::default(),
            again: Vec::new(),
            meter: Arc::clone(&meter),
        }));
        Self {
            admission,
            meter,
            updates,
            creations,
            retry_for: options.retry_for,
            closing,
            tasks: Mutex::new(tasks),
            connections,
        }
    }

    /// Whether every task has a connection that can write. Missing connections are opened.
    pub(crate) async fn check_connections(&self) -> Result<(), NotReady> {
        for connection in &self.connections {
            match connection.check().await {
                Ok(WriteAccess::Writable) => {}
                Ok(WriteAccess::ReadOnly) => return Err(NotReady::Standby),
                Err(error) => {
                    return Err(NotReady::NoSession {
                        purpose: connection.purpose(),
                        source: store_error(error),
                    });
                }
            }
        }
        Ok(())
    }

    /// Writes a report, and returns its result after the commit.
    pub(crate) async fn update(
        &self,
        key: RunKey,
        report: RunReport,
    ) -> Result<Option<Updated<Run>>, StoreError> {
        let RunReport { decide, patch, urgency } = report;
        let report =
            QueuedReport { key, decide, unknown: Vec::new(), lost_races: 0, isolated: false };
        let task = &self.updates[self.task_of(key)];
        let permit = self.admit(size::of_patch(&patch), urgency)?;
        task.submit(report, permit, self.deadline()).await
    }

    /// Creates a run, and returns after the commit whether it was created. It was not if its id exists or its flow does
    /// not.
    pub(crate) async fn create(&self, change: RunChange) -> Result<bool, StoreError> {
        let properties = &change.run.properties;
        let urgency = properties.state.status().urgency();
        let permit = self.admit(size::of_properties(properties), urgency)?;
        let creation = QueuedCreation { change, isolated: false };
        self.creations.submit(creation, permit, self.deadline()).await
    }

    pub(crate) fn meter(&self) -> &StoreMeter {
        &self.meter
    }

    /// The reports and creations that wait or are being written.
    pub(crate) fn usage(&self) -> Usage {
        self.admission.usage()
    }

    fn admit(&self, bytes: usize, urgency: Urgency) -> Result<Permit, StoreError> {
        let admitted = self.admission.admit(CallerId::SHARED, urgency.into(), bytes);
        admitted.map_err(|overloaded: Overloaded| {
            StoreError::new(StoreErrorKind::Overloaded, overloaded)
        })
    }

    /// Rejects new jobs, and waits until those in the queues have their results.
    pub(crate) async fn close(&self) {
        self.closing.send_replace(true);
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        for task in tasks {
            // Panics were logged when they happened.
            let _ended = task.await;
        }
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.retry_for
    }

    /// All reports of one run are decided by one task.
    fn task_of(&self, key: RunKey) -> usize {
        let mut hasher = DefaultHasher::new();
        (key.flow, key.run).hash(&mut hasher);
        let task = hasher.finish() % (self.updates.len() as u64);
        task as usize
    }
}

/// Starts the two tasks of a writer of reports.
fn report_tasks(
    queue: JobReceiver<QueuedReport, ReportResult>,
    [reading, writing]: [DedicatedConnection; 2],
    contended: ContendedRuns,
    cache: &RunCache,
    meter: &Arc<StoreMeter>,
) -> [JoinHandle<()>; 2] {
    let (batches, to_write) = mpsc::channel(MAX_BATCHES);
    let (result_sender, results) = mpsc::unbounded_channel();
    let reading = ReadingTask {
        queue,
        connection: reading,
        contended: contended.clone(),
        cache: cache.clone(),
        batches,
        result_sender,
        results,
        pending: PendingReports::default(),
        meter: Arc::clone(meter),
    };
    let writing = WritingTask {
        batches: to_write,
        next: None,
        connection: writing,
        lock_waits: LockWaitPolicy::default(),
        contended,
        cache: cache.clone(),
        backoff: Backoff::default(),
        meter: Arc::clone(meter),
    };
    [supervised(reading), supervised(writing)]
}
