//! The task that writes reports: takes whatever waits, reads, decides, writes, and answers after the commit.

use std::mem;

use flowruns_domain::{Run, RunKey, StoreError};

use super::{
    MOST_JOBS,
    cache::Cache,
    chain::{Chain, Outcome, Report, ReportJob},
    contended::Contended,
    jobs::{self, Settled, answer_all, isolate, still_awaited},
    queue::Queue,
    statements,
    supervised::Task,
};
use crate::{
    error::{is_transient, outcome_is_unknown, store_error},
    retry::Pause,
    session::Session,
};

/// After so many lost races reports wait for the row instead of racing on.
const RACES: u32 = 2;
/// A batch of more runs than this reads them cheaply together, so keeping them in memory is not worth its while.
const KEPT_OF_A_BATCH: usize = 16;

/// The reports of one run.
type Group = (RunKey, Vec<ReportJob>);

/// Writes the reports of some of the runs, by hash, so that those of one run always meet here.
pub(super) struct UpdateTask {
    pub(super) queue: Queue<Report, Outcome>,
    pub(super) session: Session,
    pub(super) contended: Contended,
    pub(super) cache: Cache,
    pub(super) pause: Pause,
    /// Those of the round before that are worth another attempt.
    pub(super) again: Vec<ReportJob>,
}

impl Task for UpdateTask {
    async fn run(&mut self) {
        let mut jobs = mem::take(&mut self.again);
        while self.queue.fill(&mut jobs, MOST_JOBS).await {
            self.round(mem::take(&mut jobs)).await;
            jobs = mem::take(&mut self.again);
        }
        self.contended.drained().await;
    }
}

impl UpdateTask {
    async fn round(&mut self, jobs: Vec<ReportJob>) {
        let jobs = self.together(still_awaited(jobs));
        let (mut chains, groups) = self.decide_from_cache(grouped(jobs));
        chains.extend(self.read_and_decide(groups).await);
        let (writing, done): (Vec<_>, Vec<_>) = chains.into_iter().partition(Chain::changes);
        for chain in done {
            chain.answer(false);
        }
        self.write(writing).await;
    }

    /// Those that go in one statement; what must go alone keeps the others for the next round.
    fn together(&mut self, mut jobs: Vec<ReportJob>) -> Vec<ReportJob> {
        match jobs.iter().position(|job| job.work.alone) {
            Some(alone) => {
                let alone = jobs.remove(alone);
                self.again = jobs;
                vec![alone]
            }
            None => jobs,
        }
    }

    /// Decides what can be decided without a read. What changes nothing, or is refused, is decided on the row itself.
    fn decide_from_cache(&mut self, groups: Vec<Group>) -> (Vec<Chain>, Vec<Group>) {
        let (mut chains, mut to_read) = (Vec::new(), Vec::new());
        for (key, jobs) in groups {
            let Some(jobs) = self.contended.join(key, jobs) else {
                continue;
            };
            let is_known = jobs.iter().all(|job| job.work.unknown.is_none());
            match self.cache.take(key).filter(|_| is_known) {
                None => to_read.push((key, jobs)),
                Some(run) => {
                    let chain = Chain::decide(key, Some(run), jobs);
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
        if groups.is_empty() {
            return Vec::new();
        }
        let read = match self.read(&groups).await {
            Ok(read) => read,
            Err(error) => {
                let jobs = groups.into_iter().flat_map(|(_, jobs)| jobs).collect();
                self.failed(jobs, error).await;
                return Vec::new();
            }
        };
        let mut chains = Vec::with_capacity(groups.len());
        for ((key, jobs), (run, settled)) in groups.into_iter().zip(read) {
            let jobs = settled.answer(jobs);
            match run {
                Ok(run) => chains.push(Chain::decide(key, run, jobs)),
                Err(error) => answer_all(jobs, &error),
            }
        }
        chains
    }

    async fn read(
        &mut self,
        groups: &[Group],
    ) -> sqlx::Result<Vec<(Result<Option<Run>, StoreError>, Settled)>> {
        let keys: Vec<_> = groups.iter().map(|(key, _)| *key).collect();
        let mut connection = self.session.lend().await?;
        let statements = async {
            let runs = statements::read(&mut connection, &keys).await?;
            let mut read = Vec::with_capacity(groups.len());
            for (run, (_, jobs)) in runs.into_iter().zip(groups) {
                read.push((run, jobs::settled(&mut connection, jobs).await?));
            }
            Ok(read)
        };
        let outcome = self.session.within(statements).await;
        self.session.give_back(connection, &outcome);
        outcome
    }

    async fn write(&mut self, chains: Vec<Chain>) {
        if chains.is_empty() {
            return;
        }
        match self.write_all(&chains).await {
            Ok(written) => {
                self.pause = Pause::default();
                let is_small = chains.len() <= KEPT_OF_A_BATCH;
                for (chain, written) in chains.into_iter().zip(written) {
                    self.settle(chain, written, is_small);
                }
            }
            Err(error) if outcome_is_unknown(&error) => {
                let jobs = chains.into_iter().flat_map(Chain::unknown).collect();
                self.failed(jobs, error).await;
            }
            Err(error) => {
                let jobs = chains.into_iter().flat_map(Chain::undecided).collect();
                self.failed(jobs, error).await;
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

    /// Answers what was written. What lost its race is decided again; after too many losses it waits for the row.
    fn settle(&mut self, chain: Chain, written: bool, is_small: bool) {
        let key = chain.key();
        if written {
            let is_busy = is_small || chain.len() > 1;
            if let Some(run) = chain.answer(is_busy) {
                self.cache.keep(run);
            }
            return;
        }
        let lost = chain.undecided().map(|mut job| {
            job.work.losses += 1;
            job
        });
        let lost: Vec<_> = lost.collect();
        if lost.iter().any(|job| job.work.losses >= RACES) {
            self.contended.take(key, lost);
        } else {
            self.again.extend(lost);
        }
    }

    /// Keeps what another attempt may heal, after a pause.
    async fn failed(&mut self, jobs: Vec<ReportJob>, error: sqlx::Error) {
        if is_transient(&error) {
            tracing::warn!(%error, reports = jobs.len(), "reports are written again after a failure");
            self.again.extend(jobs);
            self.pause.next().await;
        } else {
            self.again.extend(isolate(jobs, &store_error(error)));
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
