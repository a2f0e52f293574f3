//! The newest entries of a history.

use crate::{dashboard::bounds::EventCount, query::page::PageSize, version::Version};

/// Which entries of the history of a run are read, newest first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LastEvents {
    /// The greatest number of entries.
    pub count: EventCount,
    /// Only entries of earlier versions than this one: the last entry of the previous page. `None` begins with the newest.
    pub before: Option<Version>,
}

impl LastEvents {
    /// The newest entries.
    pub const fn new(count: EventCount) -> Self {
        Self { count, before: None }
    }
}

/// As many rows, and up to 1 MiB.
impl From<EventCount> for PageSize {
    fn from(count: EventCount) -> Self {
        Self::new(count.get()).unwrap_or_default()
    }
}
