//! The minimum rate at which a client must read its responses.

use std::time::Duration;

use tokio::time::Instant;

use crate::MinimumRate;

/// The connection is closed when the client reads fewer bytes than this in a window, while more are waiting for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MinimumReadRate {
    bytes: u64,
    window: Duration,
}

impl MinimumReadRate {
    /// Returns `None` for a rate of 0, which means no minimum.
    pub(crate) fn new(rate: &MinimumRate) -> Option<Self> {
        (rate.bytes_per_second > 0)
            .then(|| Self { bytes: rate.bytes_per_window().max(1), window: rate.window })
    }
}

/// The bytes that a client has read since a window began, while more were waiting for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TransferWindow {
    start: Instant,
    bytes: u64,
}

impl TransferWindow {
    pub(crate) const fn new(now: Instant) -> Self {
        Self { start: now, bytes: 0 }
    }

    pub(crate) const fn start(&self) -> Instant {
        self.start
    }

    pub(crate) const fn add(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes as u64);
    }

    /// The end of the window in which the client has not read enough yet. A window that has ended with enough bytes is replaced
    /// by a new one.
    pub(crate) fn deadline(&mut self, rate: &MinimumReadRate, now: Instant) -> Instant {
        if now >= self.start + rate.window && self.bytes >= rate.bytes {
            *self = Self::new(now);
        }
        self.start + rate.window
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{MinimumReadRate, TransferWindow};

    const RATE: MinimumReadRate = MinimumReadRate { bytes: 1000, window: Duration::from_secs(5) };

    #[test]
    fn a_window_with_enough_bytes_is_followed_by_another_and_one_with_too_few_expires() {
        let start = Instant::now();
        let mut transfer = TransferWindow::new(start);
        transfer.add(1000);
        let end = start + RATE.window;
        assert_eq!(transfer.deadline(&RATE, start), end);
        assert_eq!(transfer.deadline(&RATE, end), end + RATE.window);
        transfer.add(999);
        let later = end + RATE.window;
        assert_eq!(transfer.deadline(&RATE, later), later);
    }
}
