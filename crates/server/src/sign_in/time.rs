//! Points in time in whole seconds since 1970, as tokens have them.

use chrono::DateTime;
use flowruns_domain::timestamp::Timestamp;

/// The second in which a point in time is.
pub(super) const fn second(time: Timestamp) -> i64 {
    time.date_time().timestamp()
}

/// The beginning of a second; `None` outside the years 1 to 9999.
pub(super) fn at_second(second: i64) -> Option<Timestamp> {
    Timestamp::new(DateTime::from_timestamp_secs(second)?).ok()
}
