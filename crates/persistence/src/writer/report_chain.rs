//! The reports of one run that wait at the same time, each decided on the result of the one before. In memory: no statement
//! is sent here.

use std::panic::{AssertUnwindSafe, catch_unwind};

use flowruns_domain::{
    id::RunKey,
    run::{Action, Decision, Run, RunChange, RunEvent},
    store::{DecideRun, StoreError, StoreErrorKind, Updated},
    version::Version,
};

use super::queue::Job;
use crate::meter::StoreMeter;

/// The maximum number of attempts of one report whose outcomes are unknown. Attempts that would write the same count once.
const MAX_UNKNOWN_ATTEMPTS: usize = 4;

/// A write that may have been committed although its response was lost, or may still be committed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct WriteAttempt {
    /// The version of the row that the write requires: at another version it cannot be committed any more.
    pub(super) seen: Version,
    /// The change that it makes.
    pub(super) change: RunChange,
}

/// A report in the queue, with the state of its retries.
pub(super) struct QueuedReport {
    pub(super) key: RunKey,
    pub(super) decide: DecideRun,
    /// Earlier attempts whose outcomes are unknown. While one can still be committed, the report is not rejected.
    pub(super) unknown: Vec<WriteAttempt>,
    /// How often another process changed the row between the read and the write.
    pub(super) lost_races: u32,
    /// The report is written in a statement of its own, since the database rejected one that it shared.
    pub(super) isolated: bool,
}

/// The result of a report: `None` where the run is absent.
pub(super) type ReportResult = Option<Updated<Run>>;
pub(super) type ReportJob = Job<QueuedReport, ReportResult>;

/// A report and its result, which may be sent only after the state it was decided on has been committed.
struct DecidedReport {
    job: ReportJob,
    result: Decided,
}

enum Decided {
    Changed(RunChange),
    /// Unchanged, rejected, absent or failed.
    Other(Result<ReportResult, StoreError>),
}

/// The decided reports of one run.
#[expect(clippy::large_enum_variant, reason = "a box would cost each written report an allocation")]
pub(super) enum ReportChain {
    /// At least one report changes the run.
    Changed(ChangedChain),
    /// No report changes the run.
    Unchanged(UnchangedChain),
}

/// A run on which reports are decided, and how it is known.
pub(super) struct KnownRun {
    pub(super) run: Run,
    /// The generation of connections in which it was read, or last written.
    pub(super) generation: u64,
    /// It was not read, but written by this process at some time.
    pub(super) is_cached: bool,
}

/// A chain that is to be written.
pub(super) struct ChangedChain {
    key: RunKey,
    /// The run before the reports; the write requires its version.
    stored: KnownRun,
    /// The reports before the last change, of which some may be changes too.
    before: Vec<DecidedReport>,
    /// The report that makes the last change.
    last: ReportJob,
    last_change: RunChange,
    /// The reports after the last change.
    after: Vec<DecidedReport>,
}

/// A chain without a change.
pub(super) struct UnchangedChain {
    key: RunKey,
    /// The run on which the reports were decided; `None` if there is none.
    stored: Option<Run>,
    reports: Vec<DecidedReport>,
}

/// What a chain writes: one row, and an event for each change.
pub(super) struct ChainWrite<'a> {
    /// The run before the reports; the write requires its version.
    pub(super) seen: &'a Run,
    /// The run after the last change.
    pub(super) run: &'a Run,
    /// The event of the last change.
    pub(super) last: &'a RunEvent,
    /// The events of the changes before.
    pub(super) earlier: Vec<&'a RunEvent>,
}

impl ReportChain {
    /// Decides each report in order. A report whose decision panics fails; the others go on without it.
    pub(super) fn decide(key: RunKey, stored: Option<KnownRun>, jobs: Vec<ReportJob>) -> Self {
        let Some(stored) = stored else {
            let absent = |job| DecidedReport::new(job, Decided::Other(Ok(None)));
            let reports = jobs.into_iter().map(absent).collect();
            return Self::Unchanged(UnchangedChain { key, stored: None, reports });
        };
        let (mut before, mut last, mut after) =
            (Vec::new(), None::<(ReportJob, RunChange)>, Vec::new());
        for job in jobs {
            // Most chains are one report that changes its run: they need no list.
            let run = match &last {
                None => Some(&stored.run),
                Some((_, change)) => visible(change),
            };
            match decide_one(run, &job.work.decide) {
                Decided::Changed(change) => {
                    if let Some((job, change)) = last.replace((job, change)) {
                        before.push(DecidedReport::new(job, Decided::Changed(change)));
                        before.append(&mut after);
                    }
                }
                other if last.is_none() => before.push(DecidedReport::new(job, other)),
                other => after.push(DecidedReport::new(job, other)),
            }
        }
        match last {
            Some((last, last_change)) => {
                Self::Changed(ChangedChain { key, stored, before, last, last_change, after })
            }
            None => {
                let stored = Some(stored.run);
                Self::Unchanged(UnchangedChain { key, stored, reports: before })
            }
        }
    }
}

fn decide_one(run: Option<&Run>, decide: &DecideRun) -> Decided {
    let Some(run) = run else {
        return Decided::Other(Ok(None));
    };
    // `decide` owns its data and cannot change ours, so a panic leaves nothing inconsistent.
    match catch_unwind(AssertUnwindSafe(|| decide(run))) {
        Err(_panic) => {
            let panicked = "a report panicked while it was decided";
            Decided::Other(Err(StoreError::new(StoreErrorKind::Internal, panicked)))
        }
        Ok(Err(rejected)) => Decided::Other(Ok(Some(Updated::Rejected(rejected)))),
        Ok(Ok(Decision::Unchanged)) => Decided::Other(Ok(Some(Updated::Unchanged(run.clone())))),
        Ok(Ok(Decision::Changed(change))) => Decided::Changed(*change),
    }
}

/// The run after a change; `None` if the change deletes it.
fn visible(change: &RunChange) -> Option<&Run> {
    (change.event.action != Action::Deleted).then_some(&change.run)
}

impl ChangedChain {
    pub(super) const fn key(&self) -> RunKey {
        self.key
    }

    /// The generation of connections in which the run was read, or last written.
    pub(super) const fn generation(&self) -> u64 {
        self.stored.generation
    }

    /// Whether it was decided on the cache.
    pub(super) const fn is_cached(&self) -> bool {
        self.stored.is_cached
    }

    /// Whether one of its reports must be written in a statement of its own.
    pub(super) fn is_isolated(&self) -> bool {
        self.last.work.isolated
            || self.before.iter().chain(&self.after).any(|report| report.job.work.isolated)
    }

    /// The number of reports.
    pub(super) fn len(&self) -> usize {
        self.before.len() + 1 + self.after.len()
    }

    pub(super) fn write(&self) -> ChainWrite<'_> {
        let earlier = self.before.iter().filter_map(|report| match &report.result {
            Decided::Changed(change) => Some(&change.event),
            Decided::Other(_) => None,
        });
        ChainWrite {
            seen: &self.stored.run,
            run: &self.last_change.run,
            last: &self.last_change.event,
            earlier: earlier.collect(),
        }
    }

    /// Adds a run that has ended to the metrics.
    pub(super) fn count(&self, meter: &StoreMeter) {
        if let Some(run) = visible(&self.last_change) {
            meter.ended(self.stored.run.properties.state.status(), run);
        }
    }

    /// The run as it is stored after the commit; `None` if it was deleted.
    pub(super) fn written(&self) -> Option<&Run> {
        visible(&self.last_change)
    }

    /// Sends every report its result, after the commit.
    pub(super) fn respond(self) {
        for report in self.before {
            report.respond();
        }
        DecidedReport::new(self.last, Decided::Changed(self.last_change)).respond();
        for report in self.after {
            report.respond();
        }
    }

    /// The reports, to be decided again.
    pub(super) fn undecided(self) -> impl Iterator<Item = ReportJob> {
        let jobs = |reports: Vec<DecidedReport>| reports.into_iter().map(|report| report.job);
        jobs(self.before).chain([self.last]).chain(jobs(self.after))
    }

    /// The reports, to be decided again since another process changed the row after it was read.
    pub(super) fn lost_race(self) -> impl Iterator<Item = ReportJob> {
        self.undecided().map(|mut job| {
            job.work.lost_races += 1;
            job
        })
    }

    /// The reports, to be decided again once it is known whether their changes were committed. One with too many attempts
    /// whose outcomes are unknown fails.
    pub(super) fn unknown(self) -> impl Iterator<Item = ReportJob> {
        let seen = self.stored.run.version;
        let last = DecidedReport::new(self.last, Decided::Changed(self.last_change));
        let reports = self.before.into_iter().chain([last]).chain(self.after);
        reports.filter_map(move |DecidedReport { mut job, result }| {
            let Decided::Changed(change) = result else {
                return Some(job);
            };
            let attempt = WriteAttempt { seen, change };
            let unknown = &mut job.work.unknown;
            if unknown.contains(&attempt) {
                return Some(job);
            }
            if unknown.len() == MAX_UNKNOWN_ATTEMPTS {
                let cause = "the outcomes of too many attempts are unknown";
                job.respond(Err(StoreError::new(StoreErrorKind::Unavailable, cause)));
                return None;
            }
            unknown.push(attempt);
            Some(job)
        })
    }
}

impl UnchangedChain {
    pub(super) const fn key(&self) -> RunKey {
        self.key
    }

    /// Takes the run on which the reports were decided.
    pub(super) const fn take_stored(&mut self) -> Option<Run> {
        self.stored.take()
    }

    /// The number of reports.
    pub(super) const fn len(&self) -> usize {
        self.reports.len()
    }

    /// Sends the reports their results. Returns those of which an earlier attempt may still be committed: their result
    /// would say that nothing was changed.
    pub(super) fn respond_where_known(self) -> Vec<ReportJob> {
        let mut still_unknown = Vec::new();
        for report in self.reports {
            match report.job.work.unknown.is_empty() {
                true => report.respond(),
                false => still_unknown.push(report.job),
            }
        }
        still_unknown
    }

    /// The reports, to be decided again.
    pub(super) fn undecided(self) -> impl Iterator<Item = ReportJob> {
        self.reports.into_iter().map(|report| report.job)
    }
}

impl DecidedReport {
    const fn new(job: ReportJob, result: Decided) -> Self {
        Self { job, result }
    }

    fn respond(self) {
        self.job.respond(match self.result {
            Decided::Changed(change) => Ok(Some(Updated::Changed(change.run))),
            Decided::Other(result) => result,
        });
    }
}
