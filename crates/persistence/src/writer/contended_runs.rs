//! Runs that several processes change at once. Reports that lost two races wait for a lock on the row: PostgreSQL grants
//! locks in order, so each process gets it eventually. With the lock, all reports of the run that wait in this process are
//! written. Reports of which an earlier attempt may still be committed wait here too, since that attempt holds the lock.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use flowruns_domain::id::RunKey;
use tokio::sync::Semaphore;

use super::{
    MAX_JOBS,
    locked_update::{self, LockedUpdate},
    outcomes::{drop_expired, fail_all, isolate},
    report_chain::{ReportChain, ReportJob},
};
use crate::{
    error::{is_transient, store_error},
    meter::StoreMeter,
    pool::Pool,
    retry::Backoff,
};

/// Connections of the pool that may wait for a lock at a time, so that a lock that is held for long leaves the others
/// free.
const MAX_WAITING: usize = 4;

/// The contended runs of this process, each with a task of its own while reports wait for it.
#[derive(Clone)]
pub(super) struct ContendedRuns(Arc<ContendedState>);

struct ContendedState {
    pool: Pool,
    meter: Arc<StoreMeter>,
    waiting: Mutex<HashMap<RunKey, Vec<ReportJob>>>,
    lock_permits: Semaphore,
}

impl ContendedRuns {
    pub(super) fn new(pool: Pool, meter: Arc<StoreMeter>) -> Self {
        Self(Arc::new(ContendedState {
            pool,
            meter,
            waiting: Mutex::default(),
            lock_permits: Semaphore::new(MAX_WAITING),
        }))
    }

    /// Adds reports to a run that is contended; returns them if it is not.
    pub(super) fn join(&self, key: RunKey, jobs: Vec<ReportJob>) -> Option<Vec<ReportJob>> {
        match self.waiting().get_mut(&key) {
            Some(waiting) => {
                waiting.extend(jobs);
                None
            }
            None => Some(jobs),
        }
    }

    /// Adds reports, and makes their run contended.
    pub(super) fn add(&self, key: RunKey, jobs: Vec<ReportJob>) {
        let Some(jobs) = self.join(key, jobs) else {
            return;
        };
        self.waiting().insert(key, jobs);
        self.0.meter.contention_begins();
        let contended = self.clone();
        // In a task that is never aborted, since it has a transaction.
        tokio::spawn(async move { contended.work(key).await });
    }

    /// Whether no run is contended.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting().is_empty()
    }

    /// Waits until no run is contended.
    pub(super) async fn drained(&self) {
        let all = u32::try_from(MAX_WAITING).unwrap_or(u32::MAX);
        while !self.is_empty() {
            // The semaphore is fair: this returns after the runs that wait now have had a permit.
            let _all = self.0.lock_permits.acquire_many(all).await;
            tokio::task::yield_now().await;
        }
    }

    async fn work(&self, key: RunKey) {
        let _permit = self.0.lock_permits.acquire().await;
        let mut backoff = Backoff::default();
        while let Some(jobs) = self.next(key) {
            let again = self.update(key, drop_expired(jobs), &mut backoff).await;
            if let Some(waiting) = self.waiting().get_mut(&key) {
                waiting.splice(0..0, again);
            }
        }
    }

    /// The next reports of the run; `None` if none is left, and then the run is not contended any more.
    fn next(&self, key: RunKey) -> Option<Vec<ReportJob>> {
        let mut runs = self.waiting();
        let waiting = runs.get_mut(&key)?;
        if waiting.is_empty() {
            runs.remove(&key);
            self.0.meter.contention_ends();
            return None;
        }
        let most = if waiting[0].work.isolated { 1 } else { MAX_JOBS };
        let rest = waiting.split_off(waiting.len().min(most));
        Some(mem::replace(waiting, rest))
    }

    /// Writes the reports with the run locked. Returns those that need another attempt.
    async fn update(
        &self,
        key: RunKey,
        jobs: Vec<ReportJob>,
        backoff: &mut Backoff,
    ) -> Vec<ReportJob> {
        if jobs.is_empty() {
            return jobs;
        }
        let (started, step) = (Instant::now(), &self.0.meter.lock);
        match locked_update::update(self.0.pool.connections(), &self.0.meter, key, jobs).await {
            LockedUpdate::Committed(ReportChain::Changed(chain)) => {
                step.done(chain.len(), started);
                chain.count(&self.0.meter);
                chain.respond();
                Vec::new()
            }
            LockedUpdate::Committed(ReportChain::Unchanged(chain)) => {
                step.done(chain.len(), started);
                let still_unknown = chain.respond_where_known();
                if !still_unknown.is_empty() {
                    backoff.pause().await;
                }
                still_unknown
            }
            LockedUpdate::Corrupt(jobs, error) => {
                fail_all(jobs, &error);
                Vec::new()
            }
            LockedUpdate::Failed(jobs, error)
                if is_transient(&error) || self.0.pool.replace_outdated(&error) =>
            {
                tracing::debug!(%error, "another attempt to lock a run");
                step.retried();
                backoff.pause().await;
                jobs
            }
            LockedUpdate::Failed(jobs, error) => isolate(jobs, &store_error(error)),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<RunKey, Vec<ReportJob>>> {
        // No code that holds the guard can panic.
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
