//! The reports of one run that wait at the same time, decided one on top of the other. In memory: no statement is run here.

use std::panic::{AssertUnwindSafe, catch_unwind};

use flowruns_domain::{
    Action, Change, DecideRun, Decision, Run, RunEvent, RunKey, StoreError, StoreErrorKind,
    Updated, Version,
};

use super::queue::Job;
use crate::meter::Meter;

/// The most attempts of one report whose outcome is unknown. Attempts that would write the same count once.
const MOST_UNKNOWN: usize = 4;

/// A write that may have been committed although its answer was lost, or may still be.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Attempt {
    /// The version of the row that guards the write: at another version it cannot be committed any more.
    pub(super) seen: Version,
    /// What it does to the run.
    pub(super) change: Change,
}

/// A report that waits for its run.
pub(super) struct QueuedReport {
    pub(super) key: RunKey,
    pub(super) decide: DecideRun,
    /// Earlier attempts whose outcome is unknown. While one can still be committed, the report is not refused.
    pub(super) unknown: Vec<Attempt>,
    /// How many races it has lost.
    pub(super) lost_races: u32,
    /// Whether it goes in a statement of its own, since one that it shared was refused.
    pub(super) isolated: bool,
}

/// What a report comes to: `None` where the run is absent.
pub(super) type ReportResult = Option<Updated<Run>>;
pub(super) type ReportJob = Job<QueuedReport, ReportResult>;

/// A report and what it comes to, if what it was decided on is committed.
struct DecidedReport {
    job: ReportJob,
    answer: Result<ReportResult, StoreError>,
    event: Option<RunEvent>,
}

/// Reports of one run, and what they come to together.
pub(super) struct ReportChain {
    key: RunKey,
    stored: Option<Run>,
    /// The generation of sessions in which the run was read, or written last.
    generation: u64,
    steps: Vec<DecidedReport>,
    latest: Latest,
}

/// What a chain writes: one row, and an entry for each change that led to it.
pub(super) struct ChainWrite<'a> {
    /// The run as it was read; its version is the guard.
    pub(super) seen: &'a Run,
    /// The run as the last change leaves it.
    pub(super) run: &'a Run,
    /// The entry of that change.
    pub(super) last: &'a RunEvent,
    /// The entries of the changes before.
    pub(super) earlier: Vec<&'a RunEvent>,
}

/// What the next report is decided on.
#[derive(Clone, Copy)]
enum Latest {
    Stored,
    DecidedReport(usize),
    Deleted,
}

impl ReportChain {
    /// Decides each report in order, on what the one before it left. A panic costs its report isolated.
    pub(super) fn decide(
        key: RunKey,
        stored: Option<Run>,
        generation: u64,
        jobs: Vec<ReportJob>,
    ) -> Self {
        let mut chain = Self {
            key,
            stored,
            generation,
            steps: Vec::with_capacity(jobs.len()),
            latest: Latest::Stored,
        };
        for job in jobs {
            let (answer, event) = chain.decide_one(&job.work.decide);
            if let Some(event) = &event {
                chain.latest = match event.action {
                    Action::Deleted => Latest::Deleted,
                    Action::Created | Action::Updated => Latest::DecidedReport(chain.steps.len()),
                };
            }
            chain.steps.push(DecidedReport { job, answer, event });
        }
        chain
    }

    fn decide_one(&self, decide: &DecideRun) -> (Result<ReportResult, StoreError>, Option<RunEvent>) {
        let run = match self.latest {
            Latest::Stored => self.stored.as_ref(),
            Latest::DecidedReport(step) => changed_run(&self.steps[step]),
            Latest::Deleted => None,
        };
        let Some(run) = run else {
            return (Ok(None), None);
        };
        // What `decide` owns is its own: a panic leaves nothing of ours half-way.
        match catch_unwind(AssertUnwindSafe(|| decide(run))) {
            Err(_panic) => {
                let panicked = "a report panicked while it was decided";
                let error = StoreError::new(StoreErrorKind::Internal, panicked);
                (Err(error), None)
            }
            Ok(Err(rejected)) => (Ok(Some(Updated::Refused(rejected))), None),
            Ok(Ok(Decision::Unchanged)) => (Ok(Some(Updated::Unchanged(run.clone()))), None),
            Ok(Ok(Decision::Changed(change))) => {
                let Change { run, event } = *change;
                (Ok(Some(Updated::Changed(run))), Some(event))
            }
        }
    }

    /// The run.
    pub(super) const fn key(&self) -> RunKey {
        self.key
    }

    /// The generation of sessions in which the run was read, or written last.
    pub(super) const fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether there is something to be written.
    pub(super) fn changes(&self) -> bool {
        self.steps.iter().any(|step| step.event.is_some())
    }

    /// Whether it is not to share its statement.
    pub(super) fn is_isolated(&self) -> bool {
        self.steps.iter().any(|step| step.job.work.isolated)
    }

    /// How many reports there are.
    pub(super) fn len(&self) -> usize {
        self.steps.len()
    }

    /// What is to be written, if anything.
    pub(super) fn write(&self) -> Option<ChainWrite<'_>> {
        let last = self.steps.iter().rfind(|step| step.event.is_some())?;
        let mut entries = self.steps.iter().filter_map(|step| step.event.as_ref());
        let last_entry = entries.next_back()?;
        Some(ChainWrite {
            seen: self.stored.as_ref()?,
            run: changed_run(last)?,
            last: last_entry,
            earlier: entries.collect(),
        })
    }

    /// Counts what was written.
    pub(super) fn count(&self, meter: &Meter) {
        if let Some(write) = self.write()
            && write.last.action != Action::Deleted
        {
            meter.ended(write.seen.properties.state.status(), write.run);
        }
    }

    /// Gives every report what it came to: what it was decided on is committed. Returns the run as it is stored now,
    /// if it is to be `kept`.
    pub(super) fn answer(self, kept: bool) -> Option<Run> {
        let write = if kept { self.write() } else { None };
        let is_there = |write: &ChainWrite<'_>| write.last.action != Action::Deleted;
        let run = write.filter(is_there).map(|write| write.run.clone());
        for step in self.steps {
            step.job.answer(step.answer);
        }
        run
    }

    /// Gives every report what it came to, of a chain that changes nothing. Those of which an earlier attempt may still
    /// be committed are returned: their answer would say that nothing was changed.
    pub(super) fn respond_where_known(self) -> Vec<ReportJob> {
        let mut still_unknown = Vec::new();
        for step in self.steps {
            if step.job.work.unknown.is_empty() {
                step.job.answer(step.answer);
            } else {
                still_unknown.push(step.job);
            }
        }
        still_unknown
    }

    /// The reports, to be decided again.
    pub(super) fn undecided(self) -> impl Iterator<Item = ReportJob> {
        self.steps.into_iter().map(|step| step.job)
    }

    /// The reports, to be decided again since another was faster.
    pub(super) fn lost(self) -> impl Iterator<Item = ReportJob> {
        self.undecided().map(|mut job| {
            job.work.lost_races += 1;
            job
        })
    }

    /// The reports, to be decided again once it is known whether what they wrote is there. One with too many attempts of
    /// which that is not known is given up.
    pub(super) fn unknown(self) -> impl Iterator<Item = ReportJob> {
        let seen = self.stored.map(|run| run.version);
        self.steps.into_iter().filter_map(move |step| {
            let mut job = step.job;
            if let (Some(seen), Some(event), Ok(Some(Updated::Changed(run)))) =
                (seen, step.event, step.answer)
            {
                let change = Change { run, event };
                let attempt = Attempt { seen, change };
                let unknown = &mut job.work.unknown;
                if !unknown.contains(&attempt) {
                    if unknown.len() == MOST_UNKNOWN {
                        let cause = "the outcomes of too many attempts are unknown";
                        job.answer(Err(StoreError::new(StoreErrorKind::Unavailable, cause)));
                        return None;
                    }
                    unknown.push(attempt);
                }
            }
            Some(job)
        })
    }
}

fn changed_run(step: &DecidedReport) -> Option<&Run> {
    match &step.answer {
        Ok(Some(Updated::Changed(run))) => Some(run),
        _ => None,
    }
}
