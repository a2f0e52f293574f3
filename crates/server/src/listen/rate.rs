//! The rate at which a client must read its responses.

use std::time::Duration;

use tokio::time::Instant;

use crate::config::Http;

/// Fewer bytes than this within a window, while more are waiting for the client, and the connection is closed.
#[derive(Clone, Copy, Debug)]
pub(super) struct MinimumRate {
    bytes: u64,
    window: Duration,
}

impl MinimumRate {
    /// None when it is switched off.
    pub(super) fn new(http: &Http) -> Option<Self> {
        let window = http.rate_window();
        let bytes = u128::from(http.min_bytes_per_second) * window.as_millis() / 1000;
        let is_on = http.min_bytes_per_second > 0;
        is_on.then(|| Self {
            bytes: u64::try_from(bytes).unwrap_or(u64::MAX).max(1),
            window,
        })
    }
}

/// What a client has taken since the window began, while more was waiting for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Transfer {
    window_began: Instant,
    bytes: u64,
}

impl Transfer {
    pub(super) const fn begin(now: Instant) -> Self {
        Self {
            window_began: now,
            bytes: 0,
        }
    }

    pub(super) const fn window_began(&self) -> Instant {
        self.window_began
    }

    pub(super) const fn add(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes as u64);
    }

    /// When the window ends in which too little was taken so far. A window that is over and in which enough was taken is
    /// followed by the next one.
    pub(super) fn deadline(&mut self, rate: &MinimumRate, now: Instant) -> Instant {
        if now >= self.window_began + rate.window && self.bytes >= rate.bytes {
            *self = Self::begin(now);
        }
        self.window_began + rate.window
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{MinimumRate, Transfer};

    const RATE: MinimumRate = MinimumRate {
        bytes: 1000,
        window: Duration::from_secs(5),
    };

    #[test]
    fn a_window_with_enough_bytes_is_followed_by_another_and_one_with_too_few_has_passed() {
        let start = Instant::now();
        let mut transfer = Transfer::begin(start);
        transfer.add(1000);
        let end = start + RATE.window;
        assert_eq!(transfer.deadline(&RATE, start), end);
        assert_eq!(transfer.deadline(&RATE, end), end + RATE.window);
        transfer.add(999);
        let later = end + RATE.window;
        assert_eq!(transfer.deadline(&RATE, later), later);
    }
}
