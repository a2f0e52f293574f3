//! Time and randomness are arguments, so that every rule can be tested on a fixed clock.

use uuid::Uuid;

use crate::timestamp::Timestamp;

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// Makes new identifiers.
pub trait Ids: Send + Sync + 'static {
    /// A UUID that was never given out; `now` orders those that are sorted by time.
    fn next(&self, now: Timestamp) -> Uuid;
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the one place that reads the clock"
        )]
        let now = chrono::Utc::now();
        Timestamp::new(now).unwrap_or_default()
    }
}

/// UUIDs of version 7: index-friendly, since they grow with time.
#[derive(Clone, Copy, Debug, Default)]
pub struct TimeOrderedIds;

impl Ids for TimeOrderedIds {
    fn next(&self, now: Timestamp) -> Uuid {
        let moment = now.date_time();
        let seconds = u64::try_from(moment.timestamp()).unwrap_or_default();
        let time =
            uuid::Timestamp::from_unix(uuid::NoContext, seconds, moment.timestamp_subsec_nanos());
        Uuid::new_v7(time)
    }
}
