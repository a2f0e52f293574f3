//! The second of the two tasks that write reports: writes decided reports, and responds after the commit.

use std::{sync::Arc, time::Instant};

use tokio::sync::mpsc;

use super::{
    MAX_JOBS,
    batch::Batch,
    contended_runs::ContendedRuns,
    locked_rows::{LockWaitPolicy, LockedRows},
    outcomes::isolate,
    report_chain::{ChainWrite, ChangedChain, ReportJob},
    run_cache::RunCache,
    statements,
    supervisor::Task,
};
use crate::{
    dedicated_connection::{ConnectionFailure, ConnectionLease, DedicatedConnection},
    error::{has_lost_lock_wait, is_transient, outcome_is_unknown, store_error},
    meter::StoreMeter,
    retry::Backoff,
};

/// Writes batches, one after the other.
pub(super) struct WritingTask {
    pub(super) batches: mpsc::Receiver<Batch>,
    /// A batch that could not join the one before.
    pub(super) next: Option<Batch>,
    pub(super) connection: DedicatedConnection,
    pub(super) lock_waits: LockWaitPolicy,
    pub(super) contended: ContendedRuns,
    pub(super) cache: RunCache,
    pub(super) backoff: Backoff,
    pub(super) meter: Arc<StoreMeter>,
}

impl Task for WritingTask {
    async fn run(&mut self) {
        while let Some(batch) = self.next_batch().await {
            self.write(batch).await;
        }
    }
}

impl WritingTask {
    /// Everything that was decided while the previous batch was written, as one batch.
    async fn next_batch(&mut self) -> Option<Batch> {
        let mut batch = match self.next.take() {
            Some(batch) => batch,
            None => self.batches.recv().await?,
        };
        while batch.len() < MAX_JOBS
            && let Ok(later) = self.batches.try_recv()
        {
            if let Err(later) = batch.join(later) {
                self.next = Some(later);
                break;
            }
        }
        Some(batch)
    }

    /// Dropping the batch returns its result to the reading task.
    async fn write(&mut self, mut batch: Batch) {
        let (started, chains) = (Instant::now(), batch.take_chains());
        let result = &mut batch.result;
        let lease = match self.connection.lease().await {
            Ok(lease) => lease,
            Err(error) => {
                let jobs = undecided(chains);
                let failure = ConnectionFailure::not_opened(error);
                result.again = self.failed(jobs, failure).await;
                return;
            }
        };
        let generation = lease.generation();
        let (chains, outdated) = of_generation(generation, chains);
        result.again.extend(undecided(outdated));
        if chains.is_empty() {
            lease.release_unused();
            return;
        }
        let again = match self.write_all(lease, &chains).await {
            Ok(written) => self.written(chains, written, started, generation),
            Err(failure) if outcome_is_unknown(&failure.error) => {
                let jobs = chains.into_iter().flat_map(ChangedChain::unknown).collect();
                self.failed(jobs, failure).await
            }
            Err(failure) => self.failed(undecided(chains), failure).await,
        };
        result.again.extend(again);
    }

    /// Writes the chains in one statement. If that one waited for a locked row in vain, it has written nothing, and another one
    /// writes the rows that are not locked.
    async fn write_all(
        &mut self,
        mut lease: ConnectionLease,
        chains: &[ChangedChain],
    ) -> Result<Vec<bool>, ConnectionFailure> {
        let writes: Vec<_> = chains.iter().map(ChangedChain::write).collect();
        let locked = self.lock_waits.next(!self.contended.is_empty());
        let mut outcome = self.execute(&mut lease, &writes, locked).await;
        if locked == LockedRows::Wait && outcome.as_ref().is_err_and(has_lost_lock_wait) {
            self.lock_waits.timed_out();
            self.meter.lock_timed_out();
            outcome = self.execute(&mut lease, &writes, LockedRows::Skip).await;
        }
        lease.release(outcome)
    }

    async fn execute(
        &self,
        lease: &mut ConnectionLease,
        writes: &[ChainWrite<'_>],
        locked: LockedRows,
    ) -> sqlx::Result<Vec<bool>> {
        let statement = async { statements::write(lease.connection()?, writes, locked).await };
        self.connection.within(statement).await
    }

    /// Responds to the reports that were written. Returns those that lost a race. Those that were decided on an outdated run
    /// of the cache have lost none: they are decided again on the row.
    fn written(
        &mut self,
        chains: Vec<ChangedChain>,
        written: Vec<bool>,
        started: Instant,
        generation: u64,
    ) -> Vec<ReportJob> {
        self.backoff = Backoff::default();
        let reports = chains.iter().map(ChangedChain::len).sum();
        self.meter.write.done(reports, started);
        let in_database = chains.iter().zip(&written).filter(|(_, written)| **written);
        let in_database = in_database.filter_map(|(chain, _)| chain.written().cloned());
        self.cache.keep(in_database, generation);
        let mut again = Vec::new();
        for (chain, written) in chains.into_iter().zip(written) {
            if chain.is_cached() {
                self.cache.record_version_check(written);
            }
            match written {
                true => {
                    chain.count(&self.meter);
                    chain.respond();
                }
                false if chain.is_cached() => again.extend(chain.undecided()),
                false => {
                    self.meter.races_lost(chain.len());
                    again.extend(chain.lost_race());
                }
            }
        }
        again
    }

    /// Returns the reports to try again: all of them, after a pause, if the failure is transient; after an error that one row may
    /// have caused, each in a statement of its own. The others fail.
    async fn failed(&mut self, jobs: Vec<ReportJob>, failure: ConnectionFailure) -> Vec<ReportJob> {
        let needs_another_connection = failure.needs_another_connection();
        let error = failure.error;
        if !needs_another_connection && !is_transient(&error) {
            return isolate(jobs, &store_error(error));
        }
        tracing::warn!(%error, reports = jobs.len(), "reports are written again after a failure");
        self.meter.write.retried();
        if !needs_another_connection {
            self.backoff.pause().await;
        }
        jobs
    }
}

fn undecided(chains: Vec<ChangedChain>) -> Vec<ReportJob> {
    let chains = chains.into_iter();
    chains.flat_map(ChangedChain::undecided).collect()
}

/// The chains that were decided in this generation of connections, and the others. A run that was read from another server
/// must not be written to this one: the version that the write requires says nothing about it.
fn of_generation(
    generation: u64,
    chains: Vec<ChangedChain>,
) -> (Vec<ChangedChain>, Vec<ChangedChain>) {
    // The usual case, without a copy.
    if chains.iter().all(|chain| chain.generation() == generation) {
        return (chains, Vec::new());
    }
    chains.into_iter().partition(|chain| chain.generation() == generation)
}
