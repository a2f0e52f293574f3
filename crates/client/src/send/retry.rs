//! Pauses between attempts, and the budget that keeps the attempts of a client within a rate.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Full jitter: each pause is a random part of a limit, which doubles from 100 ms to 10 s.
#[derive(Debug)]
pub(crate) struct Backoff {
    limit: Duration,
}

impl Backoff {
    pub(crate) const FIRST: Duration = Duration::from_millis(100);
    pub(crate) const LAST: Duration = Duration::from_secs(10);

    pub(crate) const fn new() -> Self {
        Self { limit: Self::FIRST }
    }

    /// The next pause; `fraction` is random, from 0 to 1. A pause that the server asks for is kept, and the random one is added, so
    /// that clients that were refused together do not return together.
    pub(crate) fn next(&mut self, fraction: f64, retry_after: Option<Duration>) -> Duration {
        let pause = self.limit.mul_f64(fraction.clamp(0.0, 1.0));
        self.limit = (self.limit * 2).min(Self::LAST);
        retry_after.unwrap_or_default() + pause
    }
}

/// Limits the retries of all runs of a client together: 100 at once, then one a second.
#[derive(Debug)]
pub(crate) struct RetryBudget(Mutex<Tokens>);

#[derive(Debug)]
struct Tokens {
    left: f64,
    counted: Option<Instant>,
}

impl RetryBudget {
    const CAPACITY: f64 = 100.0;

    pub(crate) const fn new() -> Self {
        Self(Mutex::new(Tokens { left: Self::CAPACITY, counted: None }))
    }

    /// Takes a retry from the budget. Returns how long it has to wait until the budget has one.
    pub(crate) fn take(&self, now: Instant) -> Duration {
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let since =
            tokens.counted.map_or(Duration::ZERO, |counted| now.saturating_duration_since(counted));
        tokens.counted = Some(now);
        tokens.left = (tokens.left + since.as_secs_f64()).min(Self::CAPACITY) - 1.0;
        Duration::from_secs_f64((-tokens.left).max(0.0))
    }

    /// Gives back a retry that was taken and is not made.
    pub(crate) fn give_back(&self) {
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.left = (tokens.left + 1.0).min(Self::CAPACITY);
    }

    /// The server responds again: nobody has to wait any longer for those who wait already.
    pub(crate) fn succeeded(&self) {
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.left = tokens.left.max(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_ten_seconds_and_keep_what_the_server_asks() {
        let mut backoff = Backoff::new();
        let pauses: Vec<_> = (0..9).map(|_| backoff.next(1.0, None).as_millis()).collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
        let mut backoff = Backoff::new();
        assert_eq!(backoff.next(0.5, None), Duration::from_millis(50));
        let asked = Duration::from_secs(3);
        assert_eq!(backoff.next(0.5, Some(asked)), asked + Duration::from_millis(100));
    }

    #[test]
    fn after_a_hundred_retries_the_budget_gives_one_a_second() {
        let (budget, start) = (RetryBudget::new(), Instant::now());
        assert!((0..100).all(|_| budget.take(start).is_zero()));
        assert_eq!(budget.take(start), Duration::from_secs(1));
        assert_eq!(budget.take(start), Duration::from_secs(2));
        budget.give_back();
        assert_eq!(budget.take(start), Duration::from_secs(2));
        budget.succeeded();
        assert_eq!(budget.take(start), Duration::from_secs(1));
        let later = start + Duration::from_secs(1000);
        assert!((0..100).all(|_| budget.take(later).is_zero()));
        assert!(!budget.take(later).is_zero());
    }
}
