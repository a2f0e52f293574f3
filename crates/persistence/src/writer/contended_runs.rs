//! Runs that several processes change at once: whoever lost twice waits for the row in PostgreSQL's own queue, which is
//! fair, and takes along all that waits for the run in this process meanwhile. Reports of which an earlier attempt may
//! still be committed wait here too, since that attempt holds the row.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use flowruns_domain::RunKey;
use sqlx::PgPool;
use tokio::sync::Semaphore;

use super::{
    MOST_JOBS,
    report_chain::ReportJob,
    outcomes::{fail_all, isolate, drop_expired},
    locked_update::{self, LockedUpdate},
};
use crate::{
    error::{is_transient, store_error},
    meter::Meter,
    retry::Backoff,
};

/// Sessions that wait for a row at a time: a run that somebody holds for long must not take the whole pool.
const MOST_WAITING: usize = 4;

/// The contended runs of this process, each with a task of its own while reports wait for it.
#[derive(Clone)]
pub(super) struct ContendedRuns(Arc<ContendedState>);

struct ContendedState {
    pool: PgPool,
    meter: Arc<Meter>,
    waiting: Mutex<HashMap<RunKey, Vec<ReportJob>>>,
    lock_permits: Semaphore,
}

impl ContendedRuns {
    pub(super) fn new(pool: PgPool, meter: Arc<Meter>) -> Self {
        Self(Arc::new(ContendedState {
            pool,
            meter,
            waiting: Mutex::default(),
            lock_permits: Semaphore::new(MOST_WAITING),
        }))
    }

    /// Takes reports of a run that is contended already; gives them back when it is not.
    pub(super) fn join(&self, key: RunKey, jobs: Vec<ReportJob>) -> Option<Vec<ReportJob>> {
        match self.waiting().get_mut(&key) {
            Some(waiting) => {
                waiting.extend(jobs);
                None
            }
            None => Some(jobs),
        }
    }

    /// Takes reports of a run that has lost too many races.
    pub(super) fn take(&self, key: RunKey, jobs: Vec<ReportJob>) {
        let Some(jobs) = self.join(key, jobs) else {
            return;
        };
        self.waiting().insert(key, jobs);
        self.0.meter.contention_begins();
        let contended = self.clone();
        // Nobody drops it: within is the one transaction of this store.
        tokio::spawn(async move { contended.work(key).await });
    }

    /// Waits until no run is contended any more.
    pub(super) async fn drained(&self) {
        let all = u32::try_from(MOST_WAITING).unwrap_or(u32::MAX);
        while !self.waiting().is_empty() {
            // Turns are given in the order in which they were asked for.
            let _all = self.0.lock_permits.acquire_many(all).await;
            tokio::task::yield_now().await;
        }
    }

    async fn work(&self, key: RunKey) {
        let _turn = self.0.lock_permits.acquire().await;
        let mut pause = Backoff::default();
        while let Some(jobs) = self.next(key) {
            let again = self.update(key, drop_expired(jobs), &mut pause).await;
            if let Some(waiting) = self.waiting().get_mut(&key) {
                waiting.splice(0..0, again);
            }
        }
    }

    /// What waits for the run, up to a bound; with nothing left the run is not contended any more.
    fn next(&self, key: RunKey) -> Option<Vec<ReportJob>> {
        let mut runs = self.waiting();
        let waiting = runs.get_mut(&key)?;
        if waiting.is_empty() {
            runs.remove(&key);
            self.0.meter.contention_ends();
            return None;
        }
        let most = if waiting[0].work.isolated { 1 } else { MOST_JOBS };
        let rest = waiting.split_off(waiting.len().min(most));
        Some(mem::replace(waiting, rest))
    }

    /// Locks the run, decides all of them, writes and commits. Returns those that are worth another attempt.
    async fn update(&self, key: RunKey, jobs: Vec<ReportJob>, pause: &mut Backoff) -> Vec<ReportJob> {
        if jobs.is_empty() {
            return jobs;
        }
        let (started, step) = (Instant::now(), &self.0.meter.lock);
        match locked_update::update(&self.0.pool, &self.0.meter, key, jobs).await {
            LockedUpdate::Done(chain) => {
                step.done(chain.len(), started);
                if chain.changes() {
                    chain.count(&self.0.meter);
                    chain.answer(false);
                    return Vec::new();
                }
                let still_unknown = chain.respond_where_known();
                if !still_unknown.is_empty() {
                    pause.next().await;
                }
                still_unknown
            }
            LockedUpdate::Impossible(jobs, error) => {
                fail_all(jobs, &error);
                Vec::new()
            }
            LockedUpdate::Failed(jobs, error) if is_transient(&error) => {
                tracing::debug!(%error, "another attempt to lock a run");
                step.retried();
                pause.next().await;
                jobs
            }
            LockedUpdate::Failed(jobs, error) => isolate(jobs, &store_error(error)),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<RunKey, Vec<ReportJob>>> {
        // Nothing that is called with it can panic.
        self.0
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
