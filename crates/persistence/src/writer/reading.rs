//! The first of the two tasks that write reports: receives the reports that wait, reads their runs, and decides them. It
//! reads the next batch while the writing task writes the one before, so that neither waits for the other's round trip.

use std::{collections::HashSet, mem, sync::Arc, time::Instant};

use flowruns_domain::{id::RunKey, run::Run, store::StoreError, version::Version};
use tokio::sync::mpsc;

use super::{
    MAX_JOBS,
    batch::{Batch, BatchResult},
    contended_runs::ContendedRuns,
    outcomes::{self, Reconciled, drop_expired, fail_all, isolate},
    queue::JobReceiver,
    report_chain::{
        ChangedChain, KnownRun, QueuedReport, ReportChain, ReportJob, ReportResult, UnchangedChain,
    },
    run_cache::{CacheLookup, RunCache},
    statements,
    supervisor::Task,
};
use crate::{
    dedicated_connection::{ConnectionFailure, DedicatedConnection},
    error::{is_transient, store_error},
    meter::StoreMeter,
    retry::Backoff,
};

/// A report that has lost this number of races waits for a lock on the row, instead of another attempt.
const MAX_LOST_RACES: u32 = 2;

/// While at most this number of runs is being written, the next reports are decided when as many of them wait: a statement
/// costs about the same for one report as for many.
const SMALL_BATCH: usize = 24;

/// The number of times that reports are decided while a larger batch is written. If it were once, some would be decided too
/// late for the next batch.
const DECISIONS_PER_WRITE: usize = 2;

/// The reports of one run.
type Group = (RunKey, Vec<ReportJob>);
/// The reports of a run that must be read, and the version of it that the cache withheld.
struct UnreadGroup {
    key: RunKey,
    jobs: Vec<ReportJob>,
    withheld: Option<Version>,
}
/// A run that was read, and the reports of it that turned out to be committed.
type ReadRun = (Result<Option<Run>, StoreError>, Reconciled);

/// Reads and decides the reports of some of the runs. Runs are assigned to tasks by hash, so that all reports of one run
/// are decided here.
pub(super) struct ReadingTask {
    pub(super) queue: JobReceiver<QueuedReport, ReportResult>,
    pub(super) connection: DedicatedConnection,
    pub(super) contended: ContendedRuns,
    pub(super) cache: RunCache,
    pub(super) batches: mpsc::Sender<Batch>,
    pub(super) result_sender: mpsc::UnboundedSender<BatchResult>,
    pub(super) results: mpsc::UnboundedReceiver<BatchResult>,
    pub(super) pending: PendingReports,
    pub(super) meter: Arc<StoreMeter>,
}

/// The reports that wait in this task.
#[derive(Default)]
pub(super) struct PendingReports {
    backoff: Backoff,
    /// Reports to be decided again.
    again: Vec<ReportJob>,
    /// The runs of batches that are being written.
    in_flight: HashSet<RunKey>,
    /// The next reports of those runs.
    deferred: Vec<ReportJob>,
}

impl Task for ReadingTask {
    async fn run(&mut self) {
        let batches = self.batches.clone();
        // The channel has space as soon as the writing task has begun with an earlier batch.
        while let Ok(permit) = batches.reserve().await {
            match self.next_batch().await {
                Some(batch) => permit.send(batch),
                None => break,
            }
        }
        self.contended.drained().await;
    }
}

impl PendingReports {
    /// The number of reports that are decided together: one if no batch is being written. Otherwise more reports may arrive
    /// until the batch is written.
    fn min_reports(&self) -> usize {
        let in_flight = self.in_flight.len();
        in_flight.min(SMALL_BATCH).max(in_flight / DECISIONS_PER_WRITE).clamp(1, MAX_JOBS)
    }
}

impl ReadingTask {
    /// Reads and decides until a report changes its run. `None`: the queue is closed, and no report is left.
    async fn next_batch(&mut self) -> Option<Batch> {
        loop {
            let jobs = self.collect_reports().await?;
            let chains = self.decide(jobs).await;
            if !chains.is_empty() {
                let keys = chains.iter().map(ChangedChain::key);
                self.pending.in_flight.extend(keys);
                return Some(Batch::new(chains, self.result_sender.clone()));
            }
        }
    }

    /// The reports that can be decided now.
    async fn collect_reports(&mut self) -> Option<Vec<ReportJob>> {
        let mut jobs = mem::take(&mut self.pending.again);
        let mut is_closed = false;
        loop {
            while let Ok(result) = self.results.try_recv() {
                self.finish_batch(result, &mut jobs);
            }
            self.queue.gather(&mut jobs, MAX_JOBS).await;
            self.defer_reports_in_flight(&mut jobs);
            if jobs.len() >= self.pending.min_reports() {
                return Some(self.limit_batch(drop_expired(jobs)));
            }
            // Deferred reports need no check: their runs are in flight.
            if is_closed && self.pending.in_flight.is_empty() {
                return None;
            }
            tokio::select! {
                Some(result) = self.results.recv() => self.finish_batch(result, &mut jobs),
                received = self.queue.receive(&mut jobs, MAX_JOBS), if !is_closed => is_closed = !received,
            }
        }
    }

    /// Reports of runs that are being written wait until then.
    fn defer_reports_in_flight(&mut self, jobs: &mut Vec<ReportJob>) {
        let PendingReports { in_flight, deferred, .. } = &mut self.pending;
        if !in_flight.is_empty() {
            deferred.extend(jobs.extract_if(.., |job| in_flight.contains(&job.work.key)));
        }
    }

    /// The reports of one batch: an isolated report, or up to [`MAX_JOBS`] others. The rest waits for the next batch.
    fn limit_batch(&mut self, mut jobs: Vec<ReportJob>) -> Vec<ReportJob> {
        match jobs.iter().position(|job| job.work.isolated) {
            Some(isolated) => {
                let isolated = jobs.remove(isolated);
                self.pending.again = jobs;
                vec![isolated]
            }
            None => {
                self.pending.again = jobs.split_off(jobs.len().min(MAX_JOBS));
                jobs
            }
        }
    }

    /// Handles the result of a batch, whether it was written or not: the next reports of its runs can be decided. Reports
    /// that have lost too many races wait for a lock.
    fn finish_batch(&mut self, result: BatchResult, jobs: &mut Vec<ReportJob>) {
        let BatchResult { keys, again } = result;
        for key in keys {
            self.pending.in_flight.remove(&key);
        }
        let (lost, again): (Vec<_>, Vec<_>) =
            again.into_iter().partition(|job| job.work.lost_races >= MAX_LOST_RACES);
        for (key, jobs) in grouped(lost) {
            self.contended.add(key, jobs);
        }
        // In the order of their arrival: the reports of the batch, then those that were deferred.
        jobs.extend(again);
        let in_flight = &self.pending.in_flight;
        let can_be_decided = |job: &mut ReportJob| !in_flight.contains(&job.work.key);
        jobs.extend(self.pending.deferred.extract_if(.., can_be_decided));
    }

    /// Decides reports. Returns the chains to be written; the other reports have got their results.
    async fn decide(&mut self, jobs: Vec<ReportJob>) -> Vec<ChangedChain> {
        let (mut chains, groups) = self.decide_from_cache(grouped(jobs));
        if !groups.is_empty() {
            chains.extend(self.read_and_decide(groups).await);
        }
        chains
    }

    /// Decides the reports of cached runs. Only a change may be decided on the cache, since its write checks the version;
    /// the reports of a chain without a change, such as a rejection, are decided again on the stored row.
    fn decide_from_cache(&self, groups: Vec<Group>) -> (Vec<ChangedChain>, Vec<UnreadGroup>) {
        let (mut chains, mut to_read) = (Vec::new(), Vec::new());
        let generation = self.connection.generation();
        for (key, jobs) in groups {
            let Some(jobs) = self.contended.join(key, jobs) else {
                continue;
            };
            // Whether an earlier attempt was committed can only be read.
            let is_known = jobs.iter().all(|job| job.work.unknown.is_empty());
            let (jobs, withheld) = match self.cache.look_up(key, generation) {
                CacheLookup::Proposal(run) if is_known => {
                    let cached = KnownRun { run, generation, is_cached: true };
                    match ReportChain::decide(key, Some(cached), jobs) {
                        ReportChain::Changed(chain) => {
                            self.cache.count_use(true);
                            chains.push(chain);
                            continue;
                        }
                        ReportChain::Unchanged(chain) => (chain.undecided().collect(), None),
                    }
                }
                CacheLookup::Withheld(version) => (jobs, Some(version)),
                CacheLookup::Proposal(_) | CacheLookup::Absent => (jobs, None),
            };
            self.cache.count_use(false);
            to_read.push(UnreadGroup { key, jobs, withheld });
        }
        (chains, to_read)
    }

    async fn read_and_decide(&mut self, groups: Vec<UnreadGroup>) -> Vec<ChangedChain> {
        let started = Instant::now();
        let (read, generation) = match self.read(&groups).await {
            Ok(read) => {
                let reports = groups.iter().map(|group| group.jobs.len()).sum();
                self.meter.read.done(reports, started);
                read
            }
            Err(failure) => {
                let jobs = groups.into_iter().flat_map(|group| group.jobs).collect();
                self.failed(jobs, failure).await;
                return Vec::new();
            }
        };
        self.pending.backoff = Backoff::default();
        let mut chains = Vec::with_capacity(groups.len());
        for (group, (run, reconciled)) in groups.into_iter().zip(read) {
            let UnreadGroup { key, jobs, withheld } = group;
            match run {
                Ok(run) => {
                    let jobs = reconciled.respond(run.as_ref(), jobs, &self.meter);
                    if withheld.is_some() {
                        let version = run.as_ref().map(|run| run.version);
                        self.cache.record_version_check(version == withheld);
                    }
                    let known = |run| KnownRun { run, generation, is_cached: false };
                    match ReportChain::decide(key, run.map(known), jobs) {
                        ReportChain::Changed(chain) => chains.push(chain),
                        ReportChain::Unchanged(mut chain) => {
                            self.cache.keep(chain.take_stored(), generation);
                            self.respond(chain);
                        }
                    }
                }
                Err(error) => fail_all(reconciled.respond(None, jobs, &self.meter), &error),
            }
        }
        chains
    }

    /// Sends the results of a chain without a change. Reports of which an earlier attempt may still be committed wait for a
    /// lock on the row, which that attempt holds until its outcome is known.
    fn respond(&self, chain: UnchangedChain) {
        let (key, still_unknown) = (chain.key(), chain.respond_where_known());
        if !still_unknown.is_empty() {
            self.contended.add(key, still_unknown);
        }
    }

    /// Reads the runs. Also returns the generation of connections in which they were read.
    async fn read(
        &mut self,
        groups: &[UnreadGroup],
    ) -> Result<(Vec<ReadRun>, u64), ConnectionFailure> {
        let keys: Vec<_> = groups.iter().map(|group| group.key).collect();
        let lease = self.connection.lease().await;
        let mut lease = lease.map_err(ConnectionFailure::not_opened)?;
        let generation = lease.generation();
        let statements = async {
            let connection = lease.connection()?;
            let runs = statements::read(connection, &keys).await?;
            let mut read = Vec::with_capacity(groups.len());
            for (run, group) in runs.into_iter().zip(groups) {
                read.push((run, outcomes::reconcile(connection, &group.jobs).await?));
            }
            Ok(read)
        };
        let outcome = self.connection.within(statements).await;
        Ok((lease.release(outcome)?, generation))
    }

    /// Keeps the reports to try again: all of them, after a pause, if the failure is transient; after an error that one row may
    /// have caused, each in a statement of its own. The others fail.
    async fn failed(&mut self, jobs: Vec<ReportJob>, failure: ConnectionFailure) {
        if failure.needs_another_connection() {
            self.meter.read.retried();
            self.pending.again.extend(jobs);
            return;
        }
        let error = failure.error;
        if is_transient(&error) {
            tracing::warn!(%error, reports = jobs.len(), "runs are read again after a failure");
            self.meter.read.retried();
            self.pending.again.extend(jobs);
            self.pending.backoff.pause().await;
        } else {
            let again = isolate(jobs, &store_error(error));
            self.pending.again.extend(again);
        }
    }
}

/// The reports by run, each run's in the order of their arrival.
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
