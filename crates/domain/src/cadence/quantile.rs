//! Quantiles of durations.

use std::time::Duration;

/// Durations, shortest first.
pub(super) struct Sorted(Vec<Duration>);

impl Sorted {
    /// `None` if they are fewer than `least`, which is at least 1.
    pub(super) fn new(mut durations: Vec<Duration>, least: usize) -> Option<Self> {
        durations.sort_unstable();
        (durations.len() >= least.max(1)).then_some(Self(durations))
    }

    /// The least duration that is not exceeded by this percentage of all (the nearest rank).
    pub(super) fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.0.len() * percent).div_ceil(100).clamp(1, self.0.len());
        self.0[rank - 1]
    }

    /// The middle one, or the mean of the two in the middle.
    pub(super) fn median(&self) -> Duration {
        let middle = self.0.len() / 2;
        match self.0.len() % 2 {
            0 => (self.0[middle - 1] + self.0[middle]) / 2,
            _ => self.0[middle],
        }
    }
}
