//! The second of the two tasks that write reports: writes what was decided, and answers after the commit.

use std::{sync::Arc, time::Instant};

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
    session::Session,
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
        match self.write_all(&chains).await {
            Ok(written) => {
                self.pause = Pause::default();
                let reports = chains.iter().map(Chain::len).sum();
                self.meter.write.done(reports, started);
                let is_small = chains.len() <= KEPT_OF_A_BATCH;
                for (chain, written) in chains.into_iter().zip(written) {
                    if written {
                        chain.count(&self.meter);
                        let is_kept = is_small || chain.len() > 1;
                        returned.written.extend(chain.answer(is_kept));
                    } else {
                        self.meter.races_lost(chain.len());
                        returned.again.extend(chain.lost());
                    }
                }
            }
            Err(error) if outcome_is_unknown(&error) => {
                let jobs = chains.into_iter().flat_map(Chain::unknown).collect();
                returned.again = self.failed(jobs, error).await;
            }
            Err(error) => {
                let jobs = chains.into_iter().flat_map(Chain::undecided).collect();
                returned.again = self.failed(jobs, error).await;
            }
        }
    }

    async fn write_all(&mut self, chains: &[Chain]) -> sqlx::Result<Vec<bool>> {
        let writes: Vec<_> = chains.iter().filter_map(Chain::write).collect();
        let mut connection = self.session.lend().await?;
        let statement = statements::write(&mut connection, &writes);
        let outcome = self.session.within(statement).await;
        self.session.give_back(connection, &outcome);
        outcome
    }

    /// What another attempt may heal, after a pause.
    async fn failed(&mut self, jobs: Vec<ReportJob>, error: sqlx::Error) -> Vec<ReportJob> {
        if !is_transient(&error) {
            return isolate(jobs, &store_error(error));
        }
        tracing::warn!(%error, reports = jobs.len(), "reports are written again after a failure");
        self.meter.write.retried();
        self.pause.next().await;
        jobs
    }
}
