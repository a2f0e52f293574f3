//! How often a flow starts a run, and whether it is late.

use std::time::Duration;

use super::quantile::Sorted;
use crate::{
    dashboard::RecentRun,
    flow::entity::{FlowProperties, ReadinessStatus},
    timestamp::Timestamp,
};

/// The least number of gaps that make a habit.
pub const LEAST_GAPS: usize = 5;

/// Runs that start together, as those of a backfill do, are not a habit.
const LEAST_MEDIAN: Duration = Duration::from_secs(1);

/// A flow is not late before this time after its usual gap.
const GRACE: Duration = Duration::from_secs(600);

/// The usual time between two starts of a flow.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct UsualGap {
    /// The median.
    pub median: Duration,
    /// Nine in ten gaps are not longer.
    pub ninetieth: Duration,
}

/// The time between two starts, by the gaps between these runs. `None` with fewer than [`LEAST_GAPS`] gaps, and if their median
/// is less than a second.
pub fn usual_gap(runs: &[RecentRun]) -> Option<UsualGap> {
    let mut starts: Vec<Timestamp> = runs.iter().map(|run| run.start).collect();
    starts.sort_unstable();
    let gaps = starts.array_windows().map(|[from, to]| to.since(*from));
    let gaps = Sorted::new(gaps.collect(), LEAST_GAPS)?;
    let usual = UsualGap { median: gaps.median(), ninetieth: gaps.percentile(90) };
    (usual.median >= LEAST_MEDIAN).then_some(usual)
}

impl UsualGap {
    /// How long after a start the flow is late: 1.5 times the gap of nine in ten, and at least 10 minutes more than the median.
    pub fn tolerance(self) -> Duration {
        let usual = self.ninetieth + self.ninetieth / 2;
        usual.max(self.median + GRACE)
    }
}

/// A flow that has not started a run for longer than usual.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Late {
    /// Its last start.
    pub last_start: Timestamp,
    /// The time since then.
    pub silence: Duration,
    /// The usual time between two starts.
    pub usual: UsualGap,
}

/// Whether a flow is late: it is ready, has not expired, and its last start is longer ago than its [usual
/// gap](UsualGap::tolerance) allows.
pub fn late(flow: &FlowProperties, runs: &[RecentRun], now: Timestamp) -> Option<Late> {
    let is_ready = flow.readiness_status == ReadinessStatus::Ready;
    let is_expired = flow.expiration.is_some_and(|expiration| expiration <= now);
    if !is_ready || is_expired {
        return None;
    }
    let usual = usual_gap(runs)?;
    let last_start = runs.iter().map(|run| run.start).max()?;
    let silence = now.since(last_start);
    (silence > usual.tolerance()).then_some(Late { last_start, silence, usual })
}
