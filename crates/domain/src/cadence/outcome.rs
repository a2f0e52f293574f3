//! How often a flow succeeds, and since when it fails.

use crate::{
    dashboard::{Neighbours, RecentRun},
    run::{
        state::RunState,
        status::{Outcome, RunStatus},
    },
};

/// How many runs succeeded.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Success {
    /// The runs that completed, with or without warnings.
    pub succeeded: usize,
    /// The runs that ended.
    pub ended: usize,
}

impl Success {
    /// The part that succeeded, in percent, rounded down so that 100 means all; `None` if no run has ended.
    pub fn percent(self) -> Option<usize> {
        (self.succeeded * 100).checked_div(self.ended)
    }
}

/// How many of these runs succeeded.
pub fn success(runs: &[RecentRun]) -> Success {
    let outcomes = runs.iter().filter_map(outcome);
    outcomes.fold(Success::default(), |counted, outcome| Success {
        succeeded: counted.succeeded + usize::from(is_success(outcome)),
        ended: counted.ended + 1,
    })
}

/// The failed runs at the end of a history.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FailingSince {
    /// The earliest run of an unbroken sequence of failed runs that reaches to the last run that ended.
    pub first: RecentRun,
    /// The last run that ended.
    pub last: RecentRun,
    /// The number of failed runs in the sequence, runs in progress left out.
    pub failed: usize,
    /// The last run before them that succeeded, if these runs include it.
    pub last_success: Option<RecentRun>,
}

/// The unbroken sequence of failed runs that reaches to the last of these runs that ended, by their starts. `None` if that run did
/// not fail.
pub fn failing_since(runs: &[RecentRun]) -> Option<FailingSince> {
    let mut ended: Vec<&RecentRun> = runs.iter().filter(|run| outcome(run).is_some()).collect();
    ended.sort_unstable_by_key(|run| (std::cmp::Reverse(run.start), run.id));
    let failed = ended.iter().take_while(|run| run.status() == RunStatus::Ended(Outcome::Failed));
    let failed = failed.count();
    let (failing, earlier) = ended.split_at(failed);
    let succeeded = earlier.iter().find(|run| outcome(run).is_some_and(is_success));
    Some(FailingSince {
        first: (*failing.last()?).clone(),
        last: (*failing.first()?).clone(),
        failed,
        last_success: succeeded.map(|run| (*run).clone()),
    })
}

fn outcome(run: &RecentRun) -> Option<Outcome> {
    match run.state {
        RunState::Running => None,
        RunState::Ended { outcome, .. } => Some(outcome),
    }
}

fn is_success(outcome: Outcome) -> bool {
    Neighbours::SUCCESSES.contains(&outcome)
}
