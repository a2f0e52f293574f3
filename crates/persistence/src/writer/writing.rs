//! The second of the two tasks that write reports: writes what was decided, and answers after the commit.

use std::{sync::Arc, time::Instant};

use flowruns_domain::Run;
use tokio::sync::mpsc;

use super::{
    MOST_JOBS,
    batch::Batch,
    report_chain::{ReportChain, ReportJob},
    outcomes::isolate,
    statements,
    supervisor::Task,
};
use crate::{
    error::{is_transient, outcome_is_unknown, store_error},
    meter::Meter,
    retry::Backoff,
    dedicated_connection::{ConnectionLease, DedicatedConnection, ConnectionFailure},
};

/// A batch of more runs than this reads them cheaply together, so keeping them in memory is not worth its while.
const KEPT_OF_A_BATCH: usize = 16;

/// Writes batches, one after the other.
pub(super) struct WritingTask {
    pub(super) batches: mpsc::Receiver<Batch>,
    /// What could not join the batch before.
    pub(super) next: Option<Batch>,
    pub(super) session: DedicatedConnection,
    pub(super) pause: Backoff,
    pub(super) meter: Arc<Meter>,
}

impl Task for WritingTask {
    async fn run(&mut self) {
        while let Some(batch) = self.next_batch().await {
            self.write(batch).await;
        }
    }
}

impl WritingTask {
    /// All that was decided while the batch before was written, in one.
    async fn next_batch(&mut self) -> Option<Batch> {
        let mut batch = match self.next.take() {
            Some(batch) => batch,
            None => self.batches.recv().await?,
        };
        while batch.len() < MOST_JOBS
            && let Ok(later) = self.batches.try_recv()
        {
            if let Err(later) = batch.join(later) {
                self.next = Some(later);
                break;
            }
        }
        Some(batch)
    }

    async fn write(&mut self, mut batch: Batch) {
        let (started, chains) = (Instant::now(), batch.take_chains());
        let returned = &mut batch.returned;
        let lease = match self.session.lease().await {
            Ok(lease) => lease,
            Err(error) => {
                let jobs = chains.into_iter().flat_map(ReportChain::undecided).collect();
                let failure = ConnectionFailure::not_opened(error);
                returned.again = self.failed(jobs, failure).await;
                return;
            }
        };
        returned.generation = lease.generation();
        let (chains, outdated) = of_generation(lease.generation(), chains);
        returned
            .again
            .extend(outdated.into_iter().flat_map(ReportChain::undecided));
        if chains.is_empty() {
            lease.release_unused();
            return;
        }
        let again = match self.write_all(lease, &chains).await {
            Ok(written) => self.written(chains, written, started, &mut returned.written),
            Err(failure) if outcome_is_unknown(&failure.error) => {
                let jobs = chains.into_iter().flat_map(ReportChain::unknown).collect();
                self.failed(jobs, failure).await
            }
            Err(failure) => {
                let jobs = chains.into_iter().flat_map(ReportChain::undecided).collect();
                self.failed(jobs, failure).await
            }
        };
        returned.again.extend(again);
    }

    async fn write_all(
        &self,
        mut lease: ConnectionLease,
        chains: &[ReportChain],
    ) -> Result<Vec<bool>, ConnectionFailure> {
        let writes: Vec<_> = chains.iter().filter_map(ReportChain::write).collect();
        let statement = async { statements::write(lease.connection()?, &writes).await };
        let outcome = self.session.within(statement).await;
        lease.release(outcome)
    }

    /// Answers what was written. Returns the reports that lost a race.
    fn written(
        &mut self,
        chains: Vec<ReportChain>,
        written: Vec<bool>,
        started: Instant,
        kept: &mut Vec<Run>,
    ) -> Vec<ReportJob> {
        self.pause = Backoff::default();
        let reports = chains.iter().map(ReportChain::len).sum();
        self.meter.write.done(reports, started);
        let is_small = chains.len() <= KEPT_OF_A_BATCH;
        let mut lost = Vec::new();
        for (chain, written) in chains.into_iter().zip(written) {
            if written {
                chain.count(&self.meter);
                let is_kept = is_small || chain.len() > 1;
                kept.extend(chain.answer(is_kept));
            } else {
                self.meter.races_lost(chain.len());
                lost.extend(chain.lost());
            }
        }
        lost
    }

    /// What another attempt may heal, after a pause.
    async fn failed(&mut self, jobs: Vec<ReportJob>, failure: ConnectionFailure) -> Vec<ReportJob> {
        let needs_another_connection = failure.needs_another_connection();
        let error = failure.error;
        if !needs_another_connection && !is_transient(&error) {
            return isolate(jobs, &store_error(error));
        }
        tracing::warn!(%error, reports = jobs.len(), "reports are written again after a failure");
        self.meter.write.retried();
        if !needs_another_connection {
            self.pause.next().await;
        }
        jobs
    }
}

/// Those that were decided in this generation of sessions, and the others. What was read from another server must not
/// be written to this one: its guard says nothing here.
fn of_generation(generation: u64, chains: Vec<ReportChain>) -> (Vec<ReportChain>, Vec<ReportChain>) {
    chains
        .into_iter()
        .partition(|chain| chain.generation() == generation)
}
