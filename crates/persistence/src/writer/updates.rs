//! The task that writes reports. Each trip to the database writes what was decided and reads what came meanwhile, in
//! one statement; then the reports that were written are answered, and those that were read for are decided.

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
    pub(super) waiting: Waiting,
}

/// What waits for the next trip.
#[derive(Default)]
pub(super) struct Waiting {
    /// To be written.
    decided: Vec<Chain>,
    /// To be decided once more.
    again: Vec<ReportJob>,
}

impl Task for UpdateTask {
    async fn run(&mut self) {
        while let Some(jobs) = self.next().await {
            let groups = self.join_chains(grouped(jobs));
            self.trip(groups).await;
        }
        self.contended.drained().await;
    }
}

impl UpdateTask {
    /// Whatever waits to be decided; waits for it only when there is nothing to write. `None`: nothing is left, and
    /// nothing will come.
    async fn next(&mut self) -> Option<Vec<ReportJob>> {
        let Waiting { decided, again } = &mut self.waiting;
        if decided.iter().any(Chain::is_alone) {
            return Some(Vec::new());
        }
        let mut jobs = mem::take(again);
        if decided.is_empty() {
            if !self.queue.fill(&mut jobs, MOST_JOBS).await {
                return None;
            }
        } else {
            self.queue.take_waiting(&mut jobs, MOST_JOBS);
        }
        let mut jobs = still_awaited(jobs);
        if let Some(alone) = jobs.iter().position(|job| job.work.alone) {
            let alone = jobs.remove(alone);
            self.waiting.again = jobs;
            return Some(vec![alone]);
        }
        self.waiting.again = jobs.split_off(jobs.len().min(MOST_JOBS));
        Some(jobs)
    }

    /// Decides what needs no read: on a chain that is to be written, or on a run as this task wrote it last. What would
    /// change nothing there, or be refused, is decided on the row itself. Returns those that need a read.
    fn join_chains(&mut self, groups: Vec<Group>) -> Vec<Group> {
        let decided = &mut self.waiting.decided;
        let mut to_read = Vec::new();
        for (key, jobs) in groups {
            let Some(jobs) = self.contended.join(key, jobs) else {
                continue;
            };
            let cached = self.cache.take(key);
            let is_plain = |job: &ReportJob| job.work.unknown.is_none() && !job.work.alone;
            let is_plain = jobs.iter().all(is_plain);
            let chain = decided.iter_mut().find(|chain| chain.key() == key);
            match (chain, cached) {
                (Some(chain), _) if is_plain => chain.extend(jobs),
                // Decided when that chain is written, or not.
                (Some(_), _) => self.waiting.again.extend(jobs),
                (None, Some(run)) if is_plain => {
                    let chain = Chain::decide(key, Some(run), jobs);
                    if chain.changes() {
                        decided.push(chain);
                    } else {
                        to_read.push((key, chain.undecided().collect()));
                    }
                }
                (None, _) => to_read.push((key, jobs)),
            }
        }
        to_read
    }

    /// Writes what is decided, and reads what is to be decided next.
    async fn trip(&mut self, groups: Vec<Group>) {
        let chains = mem::take(&mut self.waiting.decided);
        if chains.is_empty() && groups.is_empty() {
            return;
        }
        match self.write_and_read(&chains, &groups).await {
            Ok((written, read)) => {
                self.pause = Pause::default();
                self.settle(chains, &written);
                self.decide(groups, read);
            }
            Err(error) => self.failed(chains, groups, error).await,
        }
    }

    async fn write_and_read(&mut self, chains: &[Chain], groups: &[Group]) -> sqlx::Result<Trip> {
        let writes: Vec<_> = chains.iter().filter_map(Chain::write).collect();
        let keys: Vec<_> = groups.iter().map(|(key, _)| *key).collect();
        let mut connection = self.session.lend().await?;
        let statements = async {
            let trip = statements::trip(&mut connection, &writes, &keys).await?;
            let mut read = Vec::with_capacity(groups.len());
            for (run, (_, jobs)) in trip.found.into_iter().zip(groups) {
                read.push((run, jobs::settled(&mut connection, jobs).await?));
            }
            Ok((trip.written, read))
        };
        let outcome = self.session.within(statements).await;
        self.session.give_back(connection, &outcome);
        outcome
    }

    /// Answers what was written. What lost its race is decided again; after too many losses it waits for the row.
    fn settle(&mut self, chains: Vec<Chain>, written: &[bool]) {
        let is_small = chains.len() <= KEPT_OF_A_BATCH;
        for (chain, written) in chains.into_iter().zip(written) {
            let key = chain.key();
            if *written {
                let is_kept = is_small || chain.len() > 1;
                if let Some(run) = chain.answer(is_kept) {
                    self.cache.keep(run);
                }
                continue;
            }
            let lost: Vec<_> = chain.lost().collect();
            if lost.iter().any(|job| job.work.losses >= RACES) {
                self.contended.take(key, lost);
            } else {
                self.waiting.again.extend(lost);
            }
        }
    }

    /// Decides on runs that were read. What changes nothing is answered: the row says so.
    fn decide(&mut self, groups: Vec<Group>, read: Vec<Read>) {
        for ((key, jobs), (run, settled)) in groups.into_iter().zip(read) {
            let jobs = settled.answer(jobs);
            match run {
                Ok(run) => {
                    let chain = Chain::decide(key, run, jobs);
                    if chain.changes() {
                        self.waiting.decided.push(chain);
                    } else {
                        chain.answer(false);
                    }
                }
                Err(error) => answer_all(jobs, &error),
            }
        }
    }

    /// Keeps what another attempt may heal, after a pause.
    async fn failed(&mut self, chains: Vec<Chain>, groups: Vec<Group>, error: sqlx::Error) {
        let to_read: Vec<_> = groups.into_iter().flat_map(|(_, jobs)| jobs).collect();
        let to_write: Vec<_> = if outcome_is_unknown(&error) {
            chains.into_iter().flat_map(Chain::unknown).collect()
        } else {
            chains.into_iter().flat_map(Chain::undecided).collect()
        };
        let again = &mut self.waiting.again;
        if is_transient(&error) {
            let reports = to_write.len() + to_read.len();
            tracing::warn!(%error, reports, "reports are written again after a failure");
            again.extend(to_write);
            again.extend(to_read);
            self.pause.next().await;
        } else if to_write.is_empty() {
            again.extend(isolate(to_read, &store_error(error)));
        } else {
            again.extend(isolate(to_write, &store_error(error)));
            again.extend(to_read);
        }
    }
}

/// A run that was read, and which of its reports were found to be committed.
type Read = (Result<Option<Run>, StoreError>, Settled);
/// Which chains were written, and what was read.
type Trip = (Vec<bool>, Vec<Read>);

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
