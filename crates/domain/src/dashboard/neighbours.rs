//! The runs that a run is compared with.

use crate::{
    dashboard::{bounds::RunsPerFlow, recent::RecentRun},
    query::{page::PageSize, result::RunDetails},
    run::status::Outcome,
};

/// How much is read of the runs before a run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct EarlierRuns {
    /// The greatest number of runs.
    pub runs: RunsPerFlow,
    /// How many of the newest of them are read with their documents, and the approximate length of all these documents. Those of
    /// the first run are read however long they are.
    pub details: PageSize,
}

/// A run before another one.
#[derive(Clone, Debug, PartialEq)]
pub struct EarlierRun {
    /// The run.
    pub run: RecentRun,
    /// Its documents, if it is one of the newest.
    pub details: Option<RunDetails>,
}

/// The runs of the same flow that a run is compared with, by [`NEWEST_FIRST`](super::NEWEST_FIRST).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Neighbours {
    /// The runs that started before it, the newest first.
    pub before: Vec<EarlierRun>,
    /// The run that started after it.
    pub after: Option<RecentRun>,
    /// The last run before it that [succeeded](Neighbours::SUCCESSES).
    pub success: Option<RecentRun>,
}

impl Neighbours {
    /// The outcomes that count as a success.
    pub const SUCCESSES: [Outcome; 2] = [Outcome::Completed, Outcome::CompletedWithWarnings];
}
