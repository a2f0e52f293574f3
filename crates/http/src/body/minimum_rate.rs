//! The rate at which a client must send a body.

use std::{error::Error, fmt, time::Duration};

/// The rate below which a client is disconnected, averaged over a window. Without it a client that sends a byte now and then
/// would hold the memory of its request until the request timeout.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MinimumRate {
    /// Bytes per second; 0 is no minimum.
    pub bytes_per_second: u32,
    /// The time over which the rate is averaged.
    pub window: Duration,
}

impl Default for MinimumRate {
    /// 240 bytes per second, averaged over 5 s: a tenth of a modem's rate.
    fn default() -> Self {
        Self { bytes_per_second: 240, window: Duration::from_secs(5) }
    }
}

impl MinimumRate {
    /// The bytes that must arrive in a window.
    pub fn bytes_per_window(&self) -> u64 {
        let millis = u64::try_from(self.window.as_millis()).unwrap_or(u64::MAX);
        u64::from(self.bytes_per_second).saturating_mul(millis) / 1000
    }
}

/// The bytes that a client has sent in a window. Only the time that the server waits for the client counts.
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

    /// Counts bytes that have arrived.
    pub(crate) const fn count(&mut self, bytes: u64) {
        self.bytes += bytes;
    }

    /// Counts time that the server waited. The next window begins when this one has ended.
    ///
    /// # Errors
    ///
    /// [`BodyTimeout`] when the window has ended with less than the minimum.
    pub(crate) fn wait(&mut self, rate: &MinimumRate, time: Duration) -> Result<(), BodyTimeout> {
        self.waited += time;
        if self.waited < rate.window {
            return Ok(());
        }
        if self.bytes < rate.bytes_per_window() {
            return Err(BodyTimeout);
        }
        *self = Self::default();
        Ok(())
    }
}

/// The client sends its body too slowly.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct BodyTimeout;

impl fmt::Display for BodyTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the client sends too slowly")
    }
}

impl Error for BodyTimeout {}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: MinimumRate =
        MinimumRate { bytes_per_second: 100, window: Duration::from_millis(2500) };

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
        assert_eq!(window.wait(&RATE, Duration::from_millis(1)), Err(BodyTimeout));
    }

    #[test]
    fn a_minimum_of_zero_is_always_reached() {
        let none = MinimumRate { bytes_per_second: 0, ..RATE };
        let mut window = RateWindow::default();
        assert_eq!(window.wait(&none, none.window), Ok(()));
    }
}
