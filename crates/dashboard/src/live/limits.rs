//! The limits of live pages.

use std::time::Duration;

/// The limits of live pages. The defaults are those of the documentation; tests use others.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LiveLimits {
    /// The time between the end of a tick of a watch and the next tick.
    pub interval: Duration,
    /// The number of watches that are rendered at this interval. With more, all watches are slower: twice the number of
    /// watches doubles the interval, so the work of all watches together does not grow.
    pub watches_at_full_rate: usize,
    /// The largest number of open streams.
    pub streams: usize,
    /// The largest number of open streams of one session. A browser opens at most six connections of HTTP/1 to one host.
    pub streams_of_session: usize,
    /// The time after which a comment is sent on a stream that is silent, so that proxies do not close it.
    pub keep_alive: Duration,
    /// The largest number of bytes of events that all watches together keep for streams that have not sent them yet. A part of
    /// a page that does not fit is sent after a later tick.
    pub kept_bytes: usize,
    /// How long a tick may take.
    pub tick_timeout: Duration,
}

impl Default for LiveLimits {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(2),
            watches_at_full_rate: 64,
            streams: 512,
            streams_of_session: 8,
            keep_alive: Duration::from_secs(15),
            kept_bytes: 8 * 1024 * 1024,
            tick_timeout: Duration::from_secs(5),
        }
    }
}

impl LiveLimits {
    /// The interval of each of this number of watches.
    pub(super) fn interval_of(&self, watches: usize) -> Duration {
        let factor = watches.div_ceil(self.watches_at_full_rate.max(1)).max(1);
        self.interval.saturating_mul(u32::try_from(factor).unwrap_or(u32::MAX))
    }
}
