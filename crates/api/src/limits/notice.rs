//! What the log says of refusals: a flood of requests shall not become a flood of lines, which would cost more than they.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

use axum::http::StatusCode;

use crate::error::ApiError;

/// How long nothing more is said of refusals.
const PAUSE: Duration = Duration::from_secs(1);

/// How many requests were refused since the start, and when the log said so last.
#[derive(Debug)]
pub(crate) struct Refusals {
    started: Instant,
    limited: AtomicU64,
    overloaded: AtomicU64,
    /// In milliseconds after the start; before it the next refusal is only counted.
    silent_until: AtomicU64,
}

impl Default for Refusals {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            limited: AtomicU64::default(),
            overloaded: AtomicU64::default(),
            silent_until: AtomicU64::default(),
        }
    }
}

impl Refusals {
    /// Counts a refusal of one request too many, and says now and then how many there were. False: it is something else.
    pub(crate) fn took(&self, error: Option<&ApiError>) -> bool {
        let counter = match error {
            Some(error) if error.status == StatusCode::TOO_MANY_REQUESTS => &self.limited,
            Some(error) if error.inner_code == Some(ApiError::OVERLOADED) => &self.overloaded,
            _ => return false,
        };
        counter.fetch_add(1, Relaxed);
        if self.is_due(self.started.elapsed()) {
            tracing::warn!(
                limited = self.limited.load(Relaxed),
                overloaded = self.overloaded.load(Relaxed),
                "requests are refused; so many since the start"
            );
        }
        true
    }

    /// Whether something is to be said, of all that ask at this time to one alone.
    fn is_due(&self, now: Duration) -> bool {
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let silent_until = self.silent_until.load(Relaxed);
        millis(now) >= silent_until
            && self
                .silent_until
                .compare_exchange(silent_until, millis(now + PAUSE), Relaxed, Relaxed)
                .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_is_written_for_all_the_refusals_of_a_second() {
        let refusals = Refusals::default();
        let due = |millis| refusals.is_due(Duration::from_millis(millis));
        assert_eq!(
            [0, 1, 999, 1000, 1001].map(due),
            [true, false, false, true, false]
        );
    }

    #[test]
    fn only_refusals_of_one_request_too_many_are_counted() {
        let refusals = Refusals::default();
        assert!(refusals.took(Some(&ApiError::overloaded())));
        assert!(refusals.took(Some(&ApiError::too_many_requests(PAUSE))));
        assert!(!refusals.took(Some(&ApiError::timed_out())));
        assert!(!refusals.took(None));
        assert_eq!(refusals.limited.load(Relaxed), 1);
        assert_eq!(refusals.overloaded.load(Relaxed), 1);
    }
}
