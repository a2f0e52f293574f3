//! The first of the two tasks that write reports: takes whatever waits, reads the runs, and decides. The next batch is
//! read while the one before is written, so neither waits for the other's trip to the database.

use std::{collections::HashSet, mem, sync::Arc, time::Instant};

use flowruns_domain::{Run, RunKey, StoreError};
use tokio::sync::mpsc;

use super::{
    MOST_JOBS,
    batch::{Batch, Returned},
    cache::Cache,
    chain::{Chain, Outcome, Report, ReportJob},
    contended::Contended,
    jobs::{self, Settled, answer_all, isolate, still_awaited},
    queue::Queue,
    statements,
    supervised::Task,
};
use crate::{
    error::{is_transient, store_error},
    meter::Meter,
    retry::Pause,
    session::{Session, SessionFailure},
};

/// After so many lost races reports wait for the row instead of racing on.
const RACES: u32 = 2;

/// In how many statements the reports are read that come while a batch is written. One would be read too late for some,
/// and many cost more than they bring.
const READS_PER_WRITE: usize = 4;

/// The reports of one run.
type Group = (RunKey, Vec<ReportJob>);
/// A run that was read, and which of its reports were found to be committed.
type Read = (Result<Option<Run>, StoreError>, Settled);
/// The runs, and the generation of sessions in which they were read.
type ReadAll = (Vec<Read>, u64);

/// Reads and decides the reports of some of the runs, by hash, so that those of one run always meet here.
pub(super) struct ReadingTask {
    pub(super) queue: Queue<Report, Outcome>,
    pub(super) session: Session,
    pub(super) contended: Contended,
    pub(super) cache: Cache,
    pub(super) batches: mpsc::Sender<Batch>,
    pub(super) back: mpsc::UnboundedSender<Returned>,
    pub(super) returned: mpsc::UnboundedReceiver<Returned>,
    pub(super) waiting: Waiting,
    pub(super) meter: Arc<Meter>,
}

/// What waits in this task.
#[derive(Default)]
pub(super) struct Waiting {
    pause: Pause,
    /// To be decided once more.
    again: Vec<ReportJob>,
    /// The runs of batches that are being written.
    under_way: HashSet<RunKey>,
    /// The next reports of those runs.
    behind: Vec<ReportJob>,
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

impl Waiting {
    /// How many reports are read at once. With nothing under way, whatever waits; while others are written there is time
    /// for more of them to come, and a statement costs as much for one as for many.
    fn worth_a_read(&self) -> usize {
        (self.under_way.len() / READS_PER_WRITE).clamp(1, MOST_JOBS)
    }
}

impl ReadingTask {
    /// Reads and decides until there is something to write. `None`: nothing is left, and nothing will come.
    async fn next_batch(&mut self) -> Option<Batch> {
        loop {
            let jobs = self.gather().await?;
            let (chains, done): (Vec<_>, Vec<_>) = self
                .decide(jobs)
                .await
                .into_iter()
                .partition(Chain::changes);
            for chain in done {
                // What may still be committed is waited for, with the row locked.
                let (key, unsettled) = (chain.key(), chain.answer_settled());
                if !unsettled.is_empty() {
                    self.contended.take(key, unsettled);
                }
            }
            if !chains.is_empty() {
                let keys = chains.iter().map(Chain::key);
                self.waiting.under_way.extend(keys);
                return Some(Batch::new(chains, self.back.clone()));
            }
        }
    }

    /// Whatever waits and can be decided now.
    async fn gather(&mut self) -> Option<Vec<ReportJob>> {
        let mut jobs = mem::take(&mut self.waiting.again);
        let mut is_over = false;
        loop {
            while let Ok(returned) = self.returned.try_recv() {
                self.take_back(returned, &mut jobs);
            }
            self.queue.take_waiting(&mut jobs, MOST_JOBS);
            self.hold_back(&mut jobs);
            if jobs.len() >= self.waiting.worth_a_read() {
                return Some(self.bounded(still_awaited(jobs)));
            }
            if is_over && self.waiting.under_way.is_empty() {
                return None;
            }
            tokio::select! {
                Some(returned) = self.returned.recv() => self.take_back(returned, &mut jobs),
                came = self.queue.more(&mut jobs, MOST_JOBS), if !is_over => is_over = !came,
            }
        }
    }

    /// Those whose run is being written wait for that.
    fn hold_back(&mut self, jobs: &mut Vec<ReportJob>) {
        let Waiting {
            under_way, behind, ..
        } = &mut self.waiting;
        if !under_way.is_empty() {
            behind.extend(jobs.extract_if(.., |job| under_way.contains(&job.work.key)));
        }
    }

    /// Those that go in one batch; what must go alone keeps the others for the next.
    fn bounded(&mut self, mut jobs: Vec<ReportJob>) -> Vec<ReportJob> {
        match jobs.iter().position(|job| job.work.alone) {
            Some(alone) => {
                let alone = jobs.remove(alone);
                self.waiting.again = jobs;
                vec![alone]
            }
            None => {
                self.waiting.again = jobs.split_off(jobs.len().min(MOST_JOBS));
                jobs
            }
        }
    }

    /// A batch was written, or not: its runs are free again. What lost too often waits for the row.
    fn take_back(&mut self, returned: Returned, jobs: &mut Vec<ReportJob>) {
        let Returned {
            keys,
            written,
            generation,
            again,
        } = returned;
        for key in keys {
            self.waiting.under_way.remove(&key);
        }
        self.cache.renew(self.session.generation());
        for run in written {
            self.cache.keep(run, generation);
        }
        let (lost, again): (Vec<_>, Vec<_>) =
            again.into_iter().partition(|job| job.work.losses >= RACES);
        for (key, jobs) in grouped(lost) {
            self.contended.take(key, jobs);
        }
        // In the order in which they came: those that were in the batch, then those behind it.
        jobs.extend(again);
        let under_way = &self.waiting.under_way;
        let is_free = |job: &mut ReportJob| !under_way.contains(&job.work.key);
        jobs.extend(self.waiting.behind.extract_if(.., is_free));
    }

    async fn decide(&mut self, jobs: Vec<ReportJob>) -> Vec<Chain> {
        let (mut chains, groups) = self.decide_from_cache(grouped(jobs));
        if !groups.is_empty() {
            chains.extend(self.read_and_decide(groups).await);
        }
        chains
    }

    /// Decides what can be decided without a read. What changes nothing, or is refused, is decided on the row itself.
    fn decide_from_cache(&mut self, groups: Vec<Group>) -> (Vec<Chain>, Vec<Group>) {
        let (mut chains, mut to_read) = (Vec::new(), Vec::new());
        self.cache.renew(self.session.generation());
        for (key, jobs) in groups {
            let Some(jobs) = self.contended.join(key, jobs) else {
                continue;
            };
            let is_known = jobs.iter().all(|job| job.work.unknown.is_empty());
            match self.cache.take(key).filter(|_| is_known) {
                None => to_read.push((key, jobs)),
                Some(run) => {
                    let generation = self.cache.generation();
                    let chain = Chain::decide(key, Some(run), generation, jobs);
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

    async fn read_and_decide(&mut self, groups: Vec<Group>) -> Vec<Chain> {
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
        self.waiting.pause = Pause::default();
        let mut chains = Vec::with_capacity(groups.len());
        for ((key, jobs), (run, settled)) in groups.into_iter().zip(read) {
            match run {
                Ok(run) => {
                    let jobs = settled.answer(run.as_ref(), jobs, &self.meter);
                    chains.push(Chain::decide(key, run, generation, jobs));
                }
                Err(error) => answer_all(settled.answer(None, jobs, &self.meter), &error),
            }
        }
        chains
    }

    async fn read(&mut self, groups: &[Group]) -> Result<ReadAll, SessionFailure> {
        let keys: Vec<_> = groups.iter().map(|(key, _)| *key).collect();
        let lent = self.session.lend().await;
        let mut lent = lent.map_err(SessionFailure::not_opened)?;
        let generation = lent.generation();
        let statements = async {
            let connection = lent.connection()?;
            let runs = statements::read(connection, &keys).await?;
            let mut read = Vec::with_capacity(groups.len());
            for (run, (_, jobs)) in runs.into_iter().zip(groups) {
                read.push((run, jobs::settled(connection, jobs).await?));
            }
            Ok(read)
        };
        let outcome = self.session.within(statements).await;
        Ok((lent.give_back(outcome)?, generation))
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
