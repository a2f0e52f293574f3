//! The first of the two tasks that write reports: takes whatever waits, reads the runs, and decides. The next batch is
//! read while the one before is written, so neither waits for the other's trip to the database.

use std::{collections::HashSet, mem, sync::Arc, time::Instant};

use flowruns_domain::{Run, RunKey, StoreError};
use tokio::sync::mpsc;

use super::{
    MOST_JOBS,
    batch::{Batch, BatchResult},
    run_cache::RunCache,
    report_chain::{ReportChain, ReportResult, QueuedReport, ReportJob},
    contended_runs::ContendedRuns,
    outcomes::{self, Reconciled, fail_all, isolate, drop_expired},
    queue::JobReceiver,
    statements,
    supervisor::Task,
};
use crate::{
    error::{is_transient, store_error},
    meter::Meter,
    retry::Backoff,
    dedicated_connection::{DedicatedConnection, ConnectionFailure},
};

/// After so many lost races reports wait for the row instead of racing on.
const RACES: u32 = 2;

/// In how many statements the reports are read that come while a batch is written. One would be read too late for some,
/// and many cost more than they bring.
const READS_PER_WRITE: usize = 4;

/// The reports of one run.
type Group = (RunKey, Vec<ReportJob>);
/// A run that was read, and which of its reports were found to be committed.
type Read = (Result<Option<Run>, StoreError>, Reconciled);
/// The runs, and the generation of sessions in which they were read.
type ReadAll = (Vec<Read>, u64);

/// Reads and decides the reports of some of the runs, by hash, so that those of one run always meet here.
pub(super) struct ReadingTask {
    pub(super) queue: JobReceiver<QueuedReport, ReportResult>,
    pub(super) session: DedicatedConnection,
    pub(super) contended: ContendedRuns,
    pub(super) run_cache: RunCache,
    pub(super) batches: mpsc::Sender<Batch>,
    pub(super) back: mpsc::UnboundedSender<BatchResult>,
    pub(super) returned: mpsc::UnboundedReceiver<BatchResult>,
    pub(super) waiting: PendingReports,
    pub(super) meter: Arc<Meter>,
}

/// What waits in this task.
#[derive(Default)]
pub(super) struct PendingReports {
    pause: Backoff,
    /// To be decided once more.
    again: Vec<ReportJob>,
    /// The runs of batches that are being written.
    in_flight: HashSet<RunKey>,
    /// The next reports of those runs.
    deferred: Vec<ReportJob>,
}

impl Task for ReadingTask {
    async fn run(&mut self) {
        let batches = self.batches.clone();
        // There is room as soon as the writing task has begun with the batch before.
        while let Ok(room) = batches.reserve().await {
            match self.next_batch().await {
                Some(batch) => room.send(batch),
                None => break,
            }
        }
        self.contended.drained().await;
    }
}

impl PendingReports {
    /// How many reports are read at once. With nothing under way, whatever waits; while others are written there is time
    /// for more of them to come, and a statement costs as much for one as for many.
    fn worth_a_read(&self) -> usize {
        (self.in_flight.len() / READS_PER_WRITE).clamp(1, MOST_JOBS)
    }
}

impl ReadingTask {
    /// Reads and decides until there is something to write. `None`: nothing is left, and nothing will come.
    async fn next_batch(&mut self) -> Option<Batch> {
        loop {
            let jobs = self.collect_reports().await?;
            let (chains, done): (Vec<_>, Vec<_>) = self
                .decide(jobs)
                .await
                .into_iter()
                .partition(ReportChain::changes);
            for chain in done {
                // What may still be committed is waited for, with the row locked.
                let (key, still_unknown) = (chain.key(), chain.respond_where_known());
                if !still_unknown.is_empty() {
                    self.contended.take(key, still_unknown);
                }
            }
            if !chains.is_empty() {
                let keys = chains.iter().map(ReportChain::key);
                self.waiting.in_flight.extend(keys);
                return Some(Batch::new(chains, self.back.clone()));
            }
        }
    }

    /// Whatever waits and can be decided now.
    async fn collect_reports(&mut self) -> Option<Vec<ReportJob>> {
        let mut jobs = mem::take(&mut self.waiting.again);
        let mut is_over = false;
        loop {
            while let Ok(returned) = self.returned.try_recv() {
                self.complete_batch(returned, &mut jobs);
            }
            self.queue.drain(&mut jobs, MOST_JOBS);
            self.defer_reports_in_flight(&mut jobs);
            if jobs.len() >= self.waiting.worth_a_read() {
                return Some(self.limit_batch(drop_expired(jobs)));
            }
            if is_over && self.waiting.in_flight.is_empty() {
                return None;
            }
            tokio::select! {
                Some(returned) = self.returned.recv() => self.complete_batch(returned, &mut jobs),
                came = self.queue.more(&mut jobs, MOST_JOBS), if !is_over => is_over = !came,
            }
        }
    }

    /// Those whose run is being written wait for that.
    fn defer_reports_in_flight(&mut self, jobs: &mut Vec<ReportJob>) {
        let PendingReports {
            in_flight, deferred, ..
        } = &mut self.waiting;
        if !in_flight.is_empty() {
            deferred.extend(jobs.extract_if(.., |job| in_flight.contains(&job.work.key)));
        }
    }

    /// Those that go in one batch; what must go isolated keeps the others for the next.
    fn limit_batch(&mut self, mut jobs: Vec<ReportJob>) -> Vec<ReportJob> {
        match jobs.iter().position(|job| job.work.isolated) {
            Some(isolated) => {
                let isolated = jobs.remove(isolated);
                self.waiting.again = jobs;
                vec![isolated]
            }
            None => {
                self.waiting.again = jobs.split_off(jobs.len().min(MOST_JOBS));
                jobs
            }
        }
    }

    /// A batch was written, or not: its runs are free again. What lost too often waits for the row.
    fn complete_batch(&mut self, returned: BatchResult, jobs: &mut Vec<ReportJob>) {
        let BatchResult {
            keys,
            written,
            generation,
            again,
        } = returned;
        for key in keys {
            self.waiting.in_flight.remove(&key);
        }
        self.run_cache.renew(self.session.generation());
        for run in written {
            self.run_cache.keep(run, generation);
        }
        let (lost, again): (Vec<_>, Vec<_>) =
            again.into_iter().partition(|job| job.work.lost_races >= RACES);
        for (key, jobs) in grouped(lost) {
            self.contended.take(key, jobs);
        }
        // In the order in which they came: those that were in the batch, then those deferred it.
        jobs.extend(again);
        let in_flight = &self.waiting.in_flight;
        let is_free = |job: &mut ReportJob| !in_flight.contains(&job.work.key);
        jobs.extend(self.waiting.deferred.extract_if(.., is_free));
    }

    async fn decide(&mut self, jobs: Vec<ReportJob>) -> Vec<ReportChain> {
        let (mut chains, groups) = self.decide_from_cache(grouped(jobs));
        if !groups.is_empty() {
            chains.extend(self.read_and_decide(groups).await);
        }
        chains
    }

    /// Decides what can be decided without a read. What changes nothing, or is refused, is decided on the row itself.
    fn decide_from_cache(&mut self, groups: Vec<Group>) -> (Vec<ReportChain>, Vec<Group>) {
        let (mut chains, mut to_read) = (Vec::new(), Vec::new());
        self.run_cache.renew(self.session.generation());
        for (key, jobs) in groups {
            let Some(jobs) = self.contended.join(key, jobs) else {
                continue;
            };
            let is_known = jobs.iter().all(|job| job.work.unknown.is_empty());
            match self.run_cache.take(key).filter(|_| is_known) {
                None => to_read.push((key, jobs)),
                Some(run) => {
                    let generation = self.run_cache.generation();
                    let chain = ReportChain::decide(key, Some(run), generation, jobs);
                    if chain.changes() {
                        chains.push(chain);
                    } else {
                        to_read.push((key, chain.undecided().collect()));
                    }
                }
            }
        }
        (chains, to_read)
    }

    async fn read_and_decide(&mut self, groups: Vec<Group>) -> Vec<ReportChain> {
        let started = Instant::now();
        let (read, generation) = match self.read(&groups).await {
            Ok(read) => {
                let reports = groups.iter().map(|(_, jobs)| jobs.len()).sum();
                self.meter.read.done(reports, started);
                read
            }
            Err(failure) => {
                let jobs = groups.into_iter().flat_map(|(_, jobs)| jobs).collect();
                self.failed(jobs, failure.error).await;
                return Vec::new();
            }
        };
        self.waiting.pause = Backoff::default();
        let mut chains = Vec::with_capacity(groups.len());
        for ((key, jobs), (run, reconciled)) in groups.into_iter().zip(read) {
            match run {
                Ok(run) => {
                    let jobs = reconciled.answer(run.as_ref(), jobs, &self.meter);
                    chains.push(ReportChain::decide(key, run, generation, jobs));
                }
                Err(error) => fail_all(reconciled.answer(None, jobs, &self.meter), &error),
            }
        }
        chains
    }

    async fn read(&mut self, groups: &[Group]) -> Result<ReadAll, ConnectionFailure> {
        let keys: Vec<_> = groups.iter().map(|(key, _)| *key).collect();
        let lease = self.session.lease().await;
        let mut lease = lease.map_err(ConnectionFailure::not_opened)?;
        let generation = lease.generation();
        let statements = async {
            let connection = lease.connection()?;
            let runs = statements::read(connection, &keys).await?;
            let mut read = Vec::with_capacity(groups.len());
            for (run, (_, jobs)) in runs.into_iter().zip(groups) {
                read.push((run, outcomes::reconciled(connection, jobs).await?));
            }
            Ok(read)
        };
        let outcome = self.session.within(statements).await;
        Ok((lease.release(outcome)?, generation))
    }

    /// Keeps what another attempt may heal, after a pause.
    async fn failed(&mut self, jobs: Vec<ReportJob>, error: sqlx::Error) {
        if is_transient(&error) {
            tracing::warn!(%error, reports = jobs.len(), "runs are read again after a failure");
            self.meter.read.retried();
            self.waiting.again.extend(jobs);
            self.waiting.pause.next().await;
        } else {
            let again = isolate(jobs, &store_error(error));
            self.waiting.again.extend(again);
        }
    }
}

/// The reports by run, in the order in which they came.
fn grouped(mut jobs: Vec<ReportJob>) -> Vec<Group> {
    jobs.sort_by_key(|job| job.work.key);
    let mut groups: Vec<Group> = Vec::with_capacity(jobs.len());
    for job in jobs {
        match groups.last_mut() {
            Some((key, group)) if *key == job.work.key => group.push(job),
            _ => groups.push((job.work.key, vec![job])),
        }
    }
    groups
}
