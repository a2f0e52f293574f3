//! What may be in use, by priority, share and size.

use flowruns_domain::Urgency;

/// A request that holds more bytes than this is large. With a limit of less than 1 MiB, one that holds more than a
/// sixteenth of the limit is.
pub const LARGE_BYTES: usize = 64 * 1024;

/// How much may be in progress.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AdmissionLimits {
    /// Requests.
    pub requests: usize,
    /// Bytes of memory that they hold.
    pub bytes: usize,
    /// The share of one caller, in percent of both; more than 100 counts as 100.
    pub caller_percent: u8,
}

/// Which requests are refused first when much is in progress. Each may use a part of the limits together with all lower
/// ones, so that a lower one never takes what is meant for a higher one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Priority {
    /// A list or a count, which costs most and can be repeated: a quarter of the limits.
    List,
    /// Another read: half of the limits.
    Read,
    /// A write that ends no run: three quarters of the limits.
    Write,
    /// A write whose body has not arrived, so that nobody knows whether it ends a run: seven eighths of the limits. Used
    /// only when [`Write`](Self::Write) is refused, and until the body is read.
    Unread,
    /// A report that ends a run: the whole of the limits.
    EndsRun,
}

impl From<Urgency> for Priority {
    fn from(urgency: Urgency) -> Self {
        match urgency {
            Urgency::Ordinary => Self::Write,
            Urgency::EndsRun => Self::EndsRun,
        }
    }
}

impl Priority {
    /// The part of a limit that requests of this priority may use.
    pub(crate) const fn part_of(self, whole: usize) -> usize {
        match self {
            Self::List => whole / 4,
            Self::Read => whole / 2,
            Self::Write => whole - whole / 4,
            Self::Unread => whole - whole / 8,
            Self::EndsRun => whole,
        }
    }
}

impl AdmissionLimits {
    /// More bytes than this make a request large.
    pub(crate) fn large_bytes(&self) -> usize {
        LARGE_BYTES.min(self.bytes / 16)
    }

    /// The share of a caller in a limit. Even a small share lets one request in.
    pub(crate) fn caller_share(&self, whole: usize) -> usize {
        let percent = usize::from(self.caller_percent.min(100));
        // In this order nothing overflows; limits below 100 are those of tests.
        let share = match whole.checked_mul(percent) {
            Some(product) => product / 100,
            None => whole / 100 * percent,
        };
        share.max(1)
    }
}
