//! The clock and the source of ids. They are arguments, so that every rule can be tested with a fixed time.

use uuid::Uuid;

use crate::timestamp::Timestamp;

/// A source of the current time.
pub trait Clock: Send + Sync + 'static {
    /// The current time.
    fn now(&self) -> Timestamp;
}

/// A source of new UUIDs.
pub trait Ids: Send + Sync + 'static {
    /// A new UUID. Implementations whose UUIDs sort by time take the time from `now`.
    fn next(&self, now: Timestamp) -> Uuid;
}

/// The system clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "all other code takes a `Clock`")]
        let now = chrono::Utc::now();
        Timestamp::new(now).unwrap_or_default()
    }
}

/// UUIDs of version 7. They increase with time, so that new rows are added at the end of an index.
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
