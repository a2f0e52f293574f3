//! The writer: reports and creations wait for a few tasks, each with a session of its own, that take whatever waits and
//! read and write all of it in one statement each; so the more comes at once, the less each report costs.
//!
//! Every answer is given after the commit that it rests on. The work lives in the tasks: a caller that leaves cancels
//! nothing half-way. Several processes on one database race through the guard of the statement, and whoever lost twice
//! waits for the row.

mod batch;
mod cache;
mod chain;
mod contended;
mod creations;
mod jobs;
mod locked_update;
mod queue;
mod reading;
mod size;
mod statements;
mod supervised;
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
    Change, NotReady, Run, RunKey, RunReport, StoreError, StoreErrorKind, Updated, Urgency,
};
use sqlx::PgPool;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::Instant,
};

pub(crate) use self::creations::Creating;
use self::{
    cache::Cache,
    chain::{Outcome, Report},
    contended::Contended,
    creations::{Creation, CreationTask},
    queue::{Queue, Submissions, queue},
    reading::{ReadingTask, Waiting},
    supervised::supervised,
    writing::WritingTask,
};
use crate::{
    connect::ConnectOptions,
    error::store_error,
    meter::Meter,
    retry::Pause,
    session::{Access, Generation, Session},
};

/// The most that one statement takes.
const MOST_JOBS: usize = 128;
/// Batches that wait to be written together.
const MOST_BATCHES: usize = 8;
/// What all tasks together keep of busy runs, in bytes.
const CACHE_BYTES: usize = 8 * 1024 * 1024;

/// The ways to the tasks of a store.
pub(crate) struct Writers {
    updates: Vec<Submissions<Report, Outcome>>,
    creations: Submissions<Creation, Creating>,
    admission: Arc<AdmissionController>,
    meter: Arc<Meter>,
    retry_for: Duration,
    closing: watch::Sender<bool>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    /// The sessions of all tasks.
    sessions: Vec<Session>,
}

impl Writers {
    /// Starts the tasks. They end when this is dropped, after what waits.
    pub(crate) fn start(options: &ConnectOptions, pool: &PgPool) -> Self {
        let admission = AdmissionController::new(AdmissionLimits {
            requests: options.writer_queue,
            bytes: options.writer_queue_bytes,
            // A caller has its share of the requests already.
            caller_percent: 100,
        });
        let meter = Arc::new(Meter::new());
        let (closing, closed) = watch::channel(false);
        let session = |purpose, generation: &Generation| {
            let (database, time_limit) = (options.writer_session(), options.answer_timeout());
            Session::new(purpose, database, time_limit, generation.clone())
        };
        let writers = options.writers.max(1);
        let mut sessions = Vec::with_capacity(2 * writers + 1);
        let mut tasks = Vec::with_capacity(2 * writers + 1);
        let mut updates = Vec::with_capacity(writers);
        for _ in 0..writers {
            let (submissions, queue) = queue(closed.clone());
            updates.push(submissions);
            let contended = Contended::new(pool.clone(), Arc::clone(&meter));
            let cache = Cache::new(CACHE_BYTES / writers);
            let generation = Generation::default();
            let reading = session("read runs for reports", &generation);
            let writing = session("write reports", &generation);
            sessions.extend([reading.clone(), writing.clone()]);
            let both = [reading, writing];
            tasks.extend(report_tasks(queue, both, contended, cache, &meter));
        }
        let creating = session("create runs", &Generation::default());
        sessions.push(creating.clone());
        let (creations, queue) = queue(closed);
        tasks.push(supervised(CreationTask {
            queue,
            session: creating,
            pause: Pause::default(),
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
            sessions,
        }
    }

    /// Whether every task has a session that can write. Those that are missing are opened.
    pub(crate) async fn check_sessions(&self) -> Result<(), NotReady> {
        for session in &self.sessions {
            match session.check().await {
                Ok(Access::Write) => {}
                Ok(Access::ReadOnly) => return Err(NotReady::Standby),
                Err(error) => {
                    return Err(NotReady::NoSession {
                        purpose: session.purpose(),
                        source: store_error(error),
                    });
                }
            }
        }
        Ok(())
    }

    /// Writes a report, and answers after its commit.
    pub(crate) async fn update(
        &self,
        key: RunKey,
        report: RunReport,
    ) -> Result<Option<Updated<Run>>, StoreError> {
        let RunReport {
            decide,
            patch,
            urgency,
        } = report;
        let report = Report {
            key,
            decide,
            unknown: Vec::new(),
            losses: 0,
            alone: false,
        };
        let task = &self.updates[self.task_of(key)];
        let permit = self.admit(size::of_patch(&patch), urgency)?;
        task.submit(report, permit, self.deadline()).await
    }

    /// Creates a run, and answers after its commit.
    pub(crate) async fn create(&self, change: Change) -> Result<Creating, StoreError> {
        let properties = &change.run.properties;
        let urgency = properties.state.status().urgency();
        let permit = self.admit(size::of_properties(properties), urgency)?;
        let creation = Creation {
            change,
            alone: false,
        };
        self.creations
            .submit(creation, permit, self.deadline())
            .await
    }

    /// Counts what is done.
    pub(crate) fn meter(&self) -> &Meter {
        &self.meter
    }

    /// The reports and creations that wait or are being written.
    pub(crate) fn usage(&self) -> Usage {
        self.admission.usage()
    }

    fn admit(&self, bytes: usize, urgency: Urgency) -> Result<Permit, StoreError> {
        let admitted = self
            .admission
            .admit(CallerId::SHARED, urgency.into(), bytes);
        admitted.map_err(|overloaded: Overloaded| {
            StoreError::new(StoreErrorKind::Overloaded, overloaded)
        })
    }

    /// Takes no more, and waits until what was taken is answered.
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

    /// The reports of one run always meet in one task.
    fn task_of(&self, key: RunKey) -> usize {
        let mut hasher = DefaultHasher::new();
        (key.flow, key.run).hash(&mut hasher);
        let task = hasher.finish() % (self.updates.len() as u64);
        task as usize
    }
}

/// The two tasks of a writer of reports.
fn report_tasks(
    queue: Queue<Report, Outcome>,
    [reading, writing]: [Session; 2],
    contended: Contended,
    cache: Cache,
    meter: &Arc<Meter>,
) -> [JoinHandle<()>; 2] {
    let (batches, to_write) = mpsc::channel(MOST_BATCHES);
    let (back, returned) = mpsc::unbounded_channel();
    let reading = ReadingTask {
        queue,
        session: reading,
        contended,
        cache,
        batches,
        back,
        returned,
        waiting: Waiting::default(),
        meter: Arc::clone(meter),
    };
    let writing = WritingTask {
        batches: to_write,
        next: None,
        session: writing,
        pause: Pause::default(),
        meter: Arc::clone(meter),
    };
    [supervised(reading), supervised(writing)]
}
