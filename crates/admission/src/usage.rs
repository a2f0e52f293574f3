//! The requests in progress, and their bytes.

use crate::Priority;

/// The requests in progress, and the bytes charged to them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Usage {
    /// The number of requests.
    pub requests: usize,
    /// The bytes charged to them.
    pub bytes: usize,
}

/// The usage of each priority; [`Priority::Unread`] counts as [`Priority::Write`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct UsageByPriority([Usage; 4]);

const fn index(priority: Priority) -> usize {
    match priority {
        Priority::List => 0,
        Priority::Read => 1,
        Priority::Write | Priority::Unread => 2,
        Priority::EndsRun => 3,
    }
}

impl UsageByPriority {
    /// Counts a request with these bytes.
    pub(crate) fn add(&mut self, priority: Priority, bytes: usize) {
        let usage = &mut self.0[index(priority)];
        usage.requests += 1;
        usage.bytes += bytes;
    }

    /// Stops counting a request that was added with these bytes.
    pub(crate) fn remove(&mut self, priority: Priority, bytes: usize) {
        let usage = &mut self.0[index(priority)];
        usage.requests -= 1;
        usage.bytes -= bytes;
    }

    /// The usage of this priority and all lower ones.
    pub(crate) fn up_to(&self, priority: Priority) -> Usage {
        let mut sum = Usage::default();
        for usage in &self.0[..=index(priority)] {
            sum.requests += usage.requests;
            sum.bytes += usage.bytes;
        }
        sum
    }

    pub(crate) fn total(&self) -> Usage {
        self.up_to(Priority::EndsRun)
    }
}
