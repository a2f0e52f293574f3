//! Limits the log of requests that are rejected for load to one line a second: the lines would cost more than the requests.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

use axum::http::StatusCode;

use crate::error::RequestError;

/// The shortest time between two lines.
const PAUSE: Duration = Duration::from_secs(1);

/// How many requests were rejected for load since the start, and when that was last logged.
#[derive(Debug)]
pub(crate) struct RejectionLog {
    started: Instant,
    limited: AtomicU64,
    overloaded: AtomicU64,
    /// In milliseconds after the start; rejections before it are only counted.
    silent_until: AtomicU64,
}

impl Default for RejectionLog {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            limited: AtomicU64::default(),
            overloaded: AtomicU64::default(),
            silent_until: AtomicU64::default(),
        }
    }
}

impl RejectionLog {
    /// Counts a request that was rejected because of its caller's rate or of overload, and logs the totals when a line is
    /// due. Returns `false` for any other outcome, which has a log line of its own.
    pub(crate) fn records(&self, error: Option<&RequestError>) -> bool {
        let counter = match error {
            Some(error) if error.status == StatusCode::TOO_MANY_REQUESTS => &self.limited,
            Some(error) if error.code == RequestError::OVERLOADED => &self.overloaded,
            _ => return false,
        };
        counter.fetch_add(1, Relaxed);
        if self.is_due(self.started.elapsed()) {
            tracing::warn!(
                limited = self.limited.load(Relaxed),
                overloaded = self.overloaded.load(Relaxed),
                "requests are rejected; the counts are totals since the start"
            );
        }
        true
    }

    /// Whether a line is due: true for one of all callers at this time.
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
    fn the_rejections_of_a_second_are_one_line() {
        let rejections = RejectionLog::default();
        let due = |millis| rejections.is_due(Duration::from_millis(millis));
        assert_eq!([0, 1, 999, 1000, 1001].map(due), [true, false, false, true, false]);
    }

    #[test]
    fn only_rejections_for_rate_and_overload_are_counted() {
        let rejections = RejectionLog::default();
        assert!(rejections.records(Some(&RequestError::overloaded())));
        assert!(rejections.records(Some(&RequestError::too_many_requests(PAUSE))));
        assert!(!rejections.records(Some(&RequestError::timed_out())));
        assert!(!rejections.records(None));
        assert_eq!(rejections.limited.load(Relaxed), 1);
        assert_eq!(rejections.overloaded.load(Relaxed), 1);
    }
}
