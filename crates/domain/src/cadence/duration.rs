//! How long a run takes, and whether one takes far longer.

use std::time::Duration;

use super::quantile::Sorted;
use crate::{
    dashboard::RecentRun,
    run::{
        state::RunState,
        status::{Outcome, RunStatus},
    },
    timestamp::Timestamp,
};

/// The least number of ended runs that make a habit.
pub const LEAST_ENDED: usize = 5;

/// No run is stale before this time.
const LEAST_STALE: Duration = Duration::from_secs(600);

/// The usual duration of a flow's runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct UsualDuration {
    /// The median.
    pub median: Duration,
    /// One in twenty runs is shorter. Nine in ten lie between this and [`high`](Self::high).
    pub low: Duration,
    /// One in twenty runs is longer.
    pub high: Duration,
    /// Nine in ten runs are not longer.
    pub ninetieth: Duration,
}

/// How long a run took, or has taken until `now`.
pub fn duration(run: &RecentRun, now: Timestamp) -> Duration {
    run.end().unwrap_or(now).since(run.start)
}

/// How long a run takes, by the ended ones of these runs, whatever their outcome: after this time a run is [stale](is_stale).
/// `None` with fewer than [`LEAST_ENDED`] of them.
pub fn usual_duration(runs: &[RecentRun]) -> Option<UsualDuration> {
    usual(runs.iter())
}

/// How long the work of a run takes, by those of these runs that ended and did not fail: a failed run says nothing about it. This
/// is the duration that people compare with. `None` with fewer than [`LEAST_ENDED`] of them.
pub fn usual_duration_of_work(runs: &[RecentRun]) -> Option<UsualDuration> {
    let failed = RunStatus::Ended(Outcome::Failed);
    usual(runs.iter().filter(|run| run.status() != failed))
}

fn usual<'a>(runs: impl Iterator<Item = &'a RecentRun>) -> Option<UsualDuration> {
    let ended = runs.filter_map(|run| Some(run.end()?.since(run.start)));
    let durations = Sorted::new(ended.collect(), LEAST_ENDED)?;
    Some(UsualDuration {
        median: durations.median(),
        low: durations.percentile(5),
        high: durations.percentile(95),
        ninetieth: durations.percentile(90),
    })
}

impl UsualDuration {
    /// How long after its start a run is stale: 3 times the duration of nine in ten, and at least 10 minutes.
    pub fn tolerance(self) -> Duration {
        (self.ninetieth * 3).max(LEAST_STALE)
    }
}

/// Whether a run may have died without a report: it is in progress for longer than the [usual
/// duration](UsualDuration::tolerance) allows.
pub fn is_stale(run: &RecentRun, usual: Option<UsualDuration>, now: Timestamp) -> bool {
    let is_running = run.state == RunState::Running;
    is_running && usual.is_some_and(|usual| duration(run, now) > usual.tolerance())
}

/// The [stale](is_stale) one of these runs that started first; `None` if none is stale.
pub fn stalest(
    runs: &[RecentRun],
    usual: Option<UsualDuration>,
    now: Timestamp,
) -> Option<&RecentRun> {
    let stale = runs.iter().filter(|run| is_stale(run, usual, now));
    stale.min_by_key(|run| (run.start, run.id))
}
