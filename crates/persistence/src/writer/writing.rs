//! The second of the two tasks that write reports: writes what was decided, and answers after the commit.

use std::{sync::Arc, time::Instant};

use flowruns_domain::Run;
use tokio::sync::mpsc;

use super::{
    MOST_JOBS,
    batch::Batch,
    chain::{Chain, ReportJob},
    jobs::isolate,
    statements,
    supervised::Task,
};
use crate::{
    error::{is_transient, outcome_is_unknown, store_error},
    meter::Meter,
    retry::Pause,
    session::{Lent, Session, SessionFailure},
};

/// A batch of more runs than this reads them cheaply together, so keeping them in memory is not worth its while.
const KEPT_OF_A_BATCH: usize = 16;

/// Writes batches, one after the other.
pub(super) struct WritingTask {
    pub(super) batches: mpsc::Receiver<Batch>,
    /// What could not join the batch before.
    pub(super) next: Option<Batch>,
    pub(super) session: Session,
    pub(super) pause: Pause,
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
        let lent = match self.session.lend().await {
            Ok(lent) => lent,
            Err(error) => {
                let jobs = chains.into_iter().flat_map(Chain::undecided).collect();
                let failure = SessionFailure::not_opened(error);
                returned.again = self.failed(jobs, failure).await;
                return;
            }
        };
        returned.generation = lent.generation();
        let (chains, outdated) = of_generation(lent.generation(), chains);
        returned
            .again
            .extend(outdated.into_iter().flat_map(Chain::undecided));
        if chains.is_empty() {
            lent.give_back_unused();
            return;
        }
        let again = match self.write_all(lent, &chains).await {
            Ok(written) => self.written(chains, written, started, &mut returned.written),
            Err(failure) if outcome_is_unknown(&failure.error) => {
                let jobs = chains.into_iter().flat_map(Chain::unknown).collect();
                self.failed(jobs, failure).await
            }
            Err(failure) => {
                let jobs = chains.into_iter().flat_map(Chain::undecided).collect();
                self.failed(jobs, failure).await
            }
        };
        returned.again.extend(again);
    }

    async fn write_all(
        &self,
        mut lent: Lent,
        chains: &[Chain],
    ) -> Result<Vec<bool>, SessionFailure> {
        let writes: Vec<_> = chains.iter().filter_map(Chain::write).collect();
        let statement = async { statements::write(lent.connection()?, &writes).await };
        let outcome = self.session.within(statement).await;
        lent.give_back(outcome)
    }

    /// Answers what was written. Returns the reports that lost a race.
    fn written(
        &mut self,
        chains: Vec<Chain>,
        written: Vec<bool>,
        started: Instant,
        kept: &mut Vec<Run>,
    ) -> Vec<ReportJob> {
        self.pause = Pause::default();
        let reports = chains.iter().map(Chain::len).sum();
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
    async fn failed(&mut self, jobs: Vec<ReportJob>, failure: SessionFailure) -> Vec<ReportJob> {
        let calls_for_another_session = failure.calls_for_another_session();
        let error = failure.error;
        if !calls_for_another_session && !is_transient(&error) {
            return isolate(jobs, &store_error(error));
        }
        tracing::warn!(%error, reports = jobs.len(), "reports are written again after a failure");
        self.meter.write.retried();
        if !calls_for_another_session {
            self.pause.next().await;
        }
        jobs
    }
}

/// Those that were decided in this generation of sessions, and the others. What was read from another server must not
/// be written to this one: its guard says nothing here.
fn of_generation(generation: u64, chains: Vec<Chain>) -> (Vec<Chain>, Vec<Chain>) {
    chains
        .into_iter()
        .partition(|chain| chain.generation() == generation)
}
