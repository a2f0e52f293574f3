//! A clock that a test sets.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use flowruns_domain::{clock::Clock, timestamp::Timestamp};

/// A clock that tests set and advance.
///
/// ```
/// use std::time::Duration;
///
/// use flowruns_domain::clock::Clock;
/// use flowruns_testing::FixedClock;
///
/// let clock = FixedClock::at("2026-03-01T08:30:00Z".parse()?);
/// clock.advance(Duration::from_micros(1));
/// assert_eq!(clock.now().to_string(), "2026-03-01T08:30:00.000001Z");
/// # Ok::<(), flowruns_domain::timestamp::InvalidTimestamp>(())
/// ```
#[derive(Debug)]
pub struct FixedClock(Mutex<Timestamp>);

impl FixedClock {
    /// A clock that shows `now`.
    pub const fn at(now: Timestamp) -> Self {
        Self(Mutex::new(now))
    }

    /// Shows `now` from here on; it may be earlier.
    pub fn set(&self, now: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// Advances the clock, in whole microseconds; it does not advance beyond the year 9999.
    pub fn advance(&self, by: Duration) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let later = Timestamp::new(now.date_time() + by);
        *now = later.unwrap_or(*now);
    }
}

/// The moment of the [`fixtures`](crate::fixtures).
impl Default for FixedClock {
    fn default() -> Self {
        Self::at(crate::fixtures::moment())
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
