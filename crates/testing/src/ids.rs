//! Identifiers that are the same in every run of a test.

use std::sync::atomic::{AtomicU64, Ordering};

use flowruns_domain::{clock::Ids, timestamp::Timestamp};
use uuid::Uuid;

/// Each id is one more than the one before, so they sort in the order in which they were made.
///
/// ```
/// use flowruns_domain::{clock::Ids, timestamp::Timestamp};
/// use flowruns_testing::SequentialIds;
///
/// let ids = SequentialIds::default();
/// let id = ids.next(Timestamp::default());
/// assert_eq!(id.to_string(), "00000000-0000-7000-8000-000000000001");
/// ```
#[derive(Debug, Default)]
pub struct SequentialIds(AtomicU64);

impl Ids for SequentialIds {
    fn next(&self, _now: Timestamp) -> Uuid {
        let number = self.0.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        numbered(number)
    }
}

/// The UUID of version 7 with this number.
pub(crate) const fn numbered(number: u64) -> Uuid {
    Uuid::from_u128(0x7000_8000_0000_0000_0000 | number as u128)
}
