//! The task that writes creations: takes whatever waits, and creates it in one statement.

use std::{collections::HashSet, mem, sync::Arc, time::Instant};

use flowruns_domain::Change;

use super::{
    MOST_JOBS,
    outcomes::{fail_all, drop_expired},
    queue::{Job, JobReceiver},
    statements,
    supervisor::Task,
};
use crate::{
    error::{is_foreign_key_violation, is_transient, may_be_of_one_row, store_error},
    meter::Meter,
    retry::Backoff,
    dedicated_connection::{DedicatedConnection, ConnectionFailure},
};

/// A run to be created.
pub(super) struct QueuedCreation {
    pub(super) change: Change,
    /// Whether it goes in a statement of its own, since one that it shared was refused.
    pub(super) isolated: bool,
}

/// What the statement did.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Creating {
    /// The run was created.
    Done,
    /// It was not: the id is taken, or the flow is not there. Who waits looks why.
    NotDone,
}

type CreationJob = Job<QueuedCreation, Creating>;

/// Creates runs.
pub(super) struct CreationTask {
    pub(super) queue: JobReceiver<QueuedCreation, Creating>,
    pub(super) session: DedicatedConnection,
    pub(super) pause: Backoff,
    pub(super) again: Vec<CreationJob>,
    pub(super) meter: Arc<Meter>,
}

impl Task for CreationTask {
    async fn run(&mut self) {
        let mut jobs = mem::take(&mut self.again);
        while self.queue.fill(&mut jobs, MOST_JOBS).await {
            self.round(mem::take(&mut jobs)).await;
            jobs = mem::take(&mut self.again);
        }
    }
}

impl CreationTask {
    async fn round(&mut self, jobs: Vec<CreationJob>) {
        let jobs = self.together(drop_expired(jobs));
        if jobs.is_empty() {
            return;
        }
        let started = Instant::now();
        match self.create(&jobs).await {
            Ok(created) => {
                self.meter.create.done(jobs.len(), started);
                self.pause = Backoff::default();
                for (job, created) in jobs.into_iter().zip(created) {
                    let answer = match created {
                        true => {
                            self.meter.created(&job.work.change.run);
                            Creating::Done
                        }
                        false => Creating::NotDone,
                    };
                    job.answer(Ok(answer));
                }
            }
            Err(failure) => self.failed(jobs, failure).await,
        }
    }

    /// Those that go in one statement, sorted, so that two of them never wait for each other. A second creation of one
    /// id goes in the next round, and finds the first.
    fn together(&mut self, mut jobs: Vec<CreationJob>) -> Vec<CreationJob> {
        if let Some(isolated) = jobs.iter().position(|job| job.work.isolated) {
            let isolated = jobs.remove(isolated);
            self.again = jobs;
            return vec![isolated];
        }
        let mut seen = HashSet::with_capacity(jobs.len());
        let (mut first, again): (Vec<_>, Vec<_>) = jobs
            .into_iter()
            .partition(|job| seen.insert(job.work.change.run.key));
        self.again = again;
        first.sort_by_key(|job| job.work.change.run.key);
        first
    }

    async fn create(&mut self, jobs: &[CreationJob]) -> Result<Vec<bool>, ConnectionFailure> {
        let creations: Vec<_> = jobs.iter().map(|job| &job.work.change).collect();
        let lease = self.session.lease().await;
        let mut lease = lease.map_err(ConnectionFailure::not_opened)?;
        let statement = async { statements::create(lease.connection()?, &creations).await };
        let outcome = self.session.within(statement).await;
        lease.release(outcome)
    }

    /// A creation whose outcome is unknown is tried again; when it was committed, it finds itself.
    async fn failed(&mut self, mut jobs: Vec<CreationJob>, failure: ConnectionFailure) {
        if failure.needs_another_connection() {
            self.meter.create.retried();
            self.again.extend(jobs);
            return;
        }
        let error = failure.error;
        if is_transient(&error) {
            tracing::warn!(%error, runs = jobs.len(), "runs are created again after a failure");
            self.meter.create.retried();
            self.again.extend(jobs);
            self.pause.next().await;
            return;
        }
        let is_one = jobs.len() == 1;
        // Its flow was deleted meanwhile.
        if is_one && is_foreign_key_violation(&error) {
            for job in jobs {
                job.answer(Ok(Creating::NotDone));
            }
            return;
        }
        let error = store_error(error);
        if is_one || !may_be_of_one_row(&error) {
            fail_all(jobs, &error);
            return;
        }
        for job in &mut jobs {
            job.work.isolated = true;
        }
        self.again.extend(jobs);
    }
}
