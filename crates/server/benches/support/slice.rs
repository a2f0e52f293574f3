//! The result of one load in one slice of time, and statistics of several slices.

use std::time::Duration;

use super::process::Cpu;

/// How long a load runs before it is measured, and how long it is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
}

/// The result of one slice.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slice {
    /// How long it was measured.
    pub(crate) length: Duration,
    /// The latencies of the responses in that time, sorted, in microseconds.
    pub(crate) latencies: Vec<u32>,
    /// CPU time used in that time.
    pub(crate) cpu: Cpu,
    /// Acknowledged requests in all, including those before and after the measured time.
    pub(crate) acknowledged: u64,
    /// Bytes that the database wrote to its log in all.
    pub(crate) wal_bytes: u64,
    /// Requests with an unexpected status in all.
    pub(crate) failed: u64,
}

impl Slice {
    /// Responses a second.
    pub(crate) fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.length.as_secs_f64().max(f64::EPSILON)
    }

    /// Responses for one second of CPU time of all three processes: comparable on a machine that others use too.
    pub(crate) fn rate_for_cpu(&self) -> f64 {
        1e6 / self.cpu_per_1000(|cpu| cpu.service + cpu.database + cpu.client)
    }

    /// The quantile of the latency in milliseconds; `share` is between 0 and 1.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let last = self.latencies.len().saturating_sub(1);
        let index = (last as f64 * share).round() as usize;
        self.latencies.get(index).map_or(0.0, |&micros| f64::from(micros) / 1000.0)
    }

    /// KiB of WAL for one acknowledged request.
    pub(crate) fn wal_kib(&self) -> f64 {
        self.wal_bytes as f64 / 1024.0 / self.acknowledged.max(1) as f64
    }

    /// Milliseconds of CPU time for 1000 responses.
    pub(crate) fn cpu_per_1000(&self, of: impl Fn(&Cpu) -> Duration) -> f64 {
        let thousands = self.latencies.len().max(1) as f64 / 1000.0;
        of(&self.cpu).as_secs_f64() * 1000.0 / thousands
    }
}

/// The least, the middle and the greatest of some figures.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    pub(crate) min: f64,
    pub(crate) median: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// Of nothing, all three are not a number.
    pub(crate) fn of(figures: impl IntoIterator<Item = f64>) -> Self {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        let at = |index: usize| figures.get(index).copied().unwrap_or(f64::NAN);
        let middle = figures.len() / 2;
        let median = if figures.len().is_multiple_of(2) && middle > 0 {
            f64::midpoint(at(middle - 1), at(middle))
        } else {
            at(middle)
        };
        Self { min: at(0), median, max: at(figures.len().saturating_sub(1)) }
    }
}
