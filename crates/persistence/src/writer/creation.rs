//! The task that creates runs: receives the creations that wait, and carries them out in one statement.

use std::{collections::HashSet, mem, sync::Arc, time::Instant};

use flowruns_domain::run::RunChange;

use super::{
    MAX_JOBS,
    outcomes::{drop_expired, fail_all},
    queue::{Job, JobReceiver},
    run_cache::RunCache,
    statements,
    supervisor::Task,
};
use crate::{
    dedicated_connection::{ConnectionFailure, DedicatedConnection},
    error::{is_foreign_key_violation, is_transient, may_be_of_one_row, store_error},
    meter::StoreMeter,
    retry::Backoff,
};

/// A creation in the queue.
pub(super) struct QueuedCreation {
    pub(super) change: RunChange,
    /// The run is created in a statement of its own, since the database rejected one that it shared.
    pub(super) isolated: bool,
}

/// The result is whether the run was created. It was not if its id exists or its flow does not.
type CreationJob = Job<QueuedCreation, bool>;

pub(super) struct CreationTask {
    pub(super) queue: JobReceiver<QueuedCreation, bool>,
    pub(super) connection: DedicatedConnection,
    pub(super) cache: RunCache,
    pub(super) backoff: Backoff,
    /// Creations for the next statement.
    pub(super) again: Vec<CreationJob>,
    pub(super) meter: Arc<StoreMeter>,
}

impl Task for CreationTask {
    async fn run(&mut self) {
        let mut jobs = mem::take(&mut self.again);
        while self.queue.fill(&mut jobs, MAX_JOBS).await {
            self.create_batch(mem::take(&mut jobs)).await;
            jobs = mem::take(&mut self.again);
        }
    }
}

impl CreationTask {
    async fn create_batch(&mut self, jobs: Vec<CreationJob>) {
        let jobs = self.limit_batch(drop_expired(jobs));
        if jobs.is_empty() {
            return;
        }
        let started = Instant::now();
        match self.create(&jobs).await {
            Ok((created, generation)) => {
                self.meter.create.done(jobs.len(), started);
                self.backoff = Backoff::default();
                let in_database = jobs.iter().zip(&created).filter(|(_, created)| **created);
                let in_database = in_database.map(|(job, _)| job.work.change.run.clone());
                self.cache.keep(in_database, generation);
                for (job, created) in jobs.into_iter().zip(created) {
                    if created {
                        self.meter.created(&job.work.change.run);
                    }
                    job.respond(Ok(created));
                }
            }
            Err(failure) => self.failed(jobs, failure).await,
        }
    }

    /// The creations of one statement: an isolated one, or all with different ids, sorted, so that two servers cannot
    /// deadlock. A second creation of an id is part of the next statement, and finds the first.
    fn limit_batch(&mut self, mut jobs: Vec<CreationJob>) -> Vec<CreationJob> {
        if let Some(isolated) = jobs.iter().position(|job| job.work.isolated) {
            let isolated = jobs.remove(isolated);
            self.again = jobs;
            return vec![isolated];
        }
        let mut seen = HashSet::with_capacity(jobs.len());
        let (mut first, again): (Vec<_>, Vec<_>) =
            jobs.into_iter().partition(|job| seen.insert(job.work.change.run.key));
        self.again = again;
        first.sort_by_key(|job| job.work.change.run.key);
        first
    }

    /// Also returns the generation of connections in which the runs were created.
    async fn create(
        &mut self,
        jobs: &[CreationJob],
    ) -> Result<(Vec<bool>, u64), ConnectionFailure> {
        let creations: Vec<_> = jobs.iter().map(|job| &job.work.change).collect();
        let lease = self.connection.lease().await;
        let mut lease = lease.map_err(ConnectionFailure::not_opened)?;
        let generation = lease.generation();
        let statement = async { statements::create(lease.connection()?, &creations).await };
        let outcome = self.connection.within(statement).await;
        Ok((lease.release(outcome)?, generation))
    }

    /// A creation whose outcome is unknown is repeated. If it was committed, the store recognizes it by its event.
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
            self.backoff.pause().await;
            return;
        }
        let is_single = jobs.len() == 1;
        // The flow was deleted while the statement ran.
        if is_single && is_foreign_key_violation(&error) {
            for job in jobs {
                job.respond(Ok(false));
            }
            return;
        }
        let error = store_error(error);
        if is_single || !may_be_of_one_row(&error) {
            fail_all(jobs, &error);
            return;
        }
        for job in &mut jobs {
            job.work.isolated = true;
        }
        self.again.extend(jobs);
    }
}
