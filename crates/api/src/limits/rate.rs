//! How slowly a client may send.

use std::{error::Error, fmt, time::Duration};

/// The rate below which a client is disconnected, averaged over a window. A client that sends a byte now and then would
/// otherwise hold what its request holds for as long as a request may take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MinimumRate {
    /// Bytes in a second; 0 is no minimum.
    pub bytes_per_second: u32,
    /// The time over which the rate is averaged.
    pub window: Duration,
}

impl Default for MinimumRate {
    /// 240 bytes in a second, averaged over 5 s: a modem does ten times that.
    fn default() -> Self {
        Self {
            bytes_per_second: 240,
            window: Duration::from_secs(5),
        }
    }
}

impl MinimumRate {
    /// The bytes that a window must bring.
    pub fn bytes_per_window(&self) -> u64 {
        let millis = u64::try_from(self.window.as_millis()).unwrap_or(u64::MAX);
        u64::from(self.bytes_per_second).saturating_mul(millis) / 1000
    }
}

/// What a client has sent in a window. Only the time that the server waited for it counts.
#[derive(Debug, Default)]
pub(crate) struct RateWindow {
    waited: Duration,
    bytes: u64,
}

impl RateWindow {
    /// How much longer the server may wait until the window ends.
    pub(crate) const fn remaining(&self, rate: &MinimumRate) -> Duration {
        rate.window.saturating_sub(self.waited)
    }

    /// Counts bytes.
    pub(crate) const fn count(&mut self, bytes: u64) {
        self.bytes += bytes;
    }

    /// Counts time that the server waited. The next window begins when this one has ended.
    ///
    /// # Errors
    ///
    /// [`TooSlow`] when the window has ended and brought less than the minimum.
    pub(crate) fn wait(&mut self, rate: &MinimumRate, time: Duration) -> Result<(), TooSlow> {
        self.waited += time;
        if self.waited < rate.window {
            return Ok(());
        }
        if self.bytes < rate.bytes_per_window() {
            return Err(TooSlow);
        }
        *self = Self::default();
        Ok(())
    }
}

/// The client has sent less than it must.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct TooSlow;

impl fmt::Display for TooSlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the client sends too slowly")
    }
}

impl Error for TooSlow {}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: MinimumRate = MinimumRate {
        bytes_per_second: 100,
        window: Duration::from_millis(2500),
    };

    #[test]
    fn a_window_must_bring_the_rate_on_average() {
        let mut window = RateWindow::default();
        window.count(250);
        assert_eq!(window.wait(&RATE, Duration::from_millis(2400)), Ok(()));
        assert_eq!(window.remaining(&RATE), Duration::from_millis(100));
        assert_eq!(window.wait(&RATE, Duration::from_millis(100)), Ok(()));
        assert_eq!(window.remaining(&RATE), RATE.window);
        window.count(249);
        assert_eq!(window.wait(&RATE, Duration::from_millis(2499)), Ok(()));
        assert_eq!(window.wait(&RATE, Duration::from_millis(1)), Err(TooSlow));
    }

    #[test]
    fn a_minimum_of_nothing_is_always_reached() {
        let none = MinimumRate {
            bytes_per_second: 0,
            ..RATE
        };
        let mut window = RateWindow::default();
        assert_eq!(window.wait(&none, none.window), Ok(()));
    }
}
