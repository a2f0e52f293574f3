//! The limits, by priority, share and size.

use flowruns_domain::run::Urgency;

/// A request with more bytes than this is large. If the limit of bytes is below 1 MiB, a request with more than a sixteenth
/// of the limit is large.
pub const LARGE_BYTES: usize = 64 * 1024;

/// The limits of an [`AdmissionController`](crate::AdmissionController).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AdmissionLimits {
    /// The maximum number of requests in progress.
    pub requests: usize,
    /// The maximum number of bytes of memory that they use.
    pub bytes: usize,
    /// The share of one caller, in percent of both limits; more than 100 counts as 100.
    pub caller_percent: u8,
}

/// Decides which requests are rejected first under load. The requests of a priority and of all lower ones may together use a
/// part of the limits, so that lower priorities never use the capacity of higher ones.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Priority {
    /// A list or a count, which is expensive and can be repeated: a quarter of the limits.
    List,
    /// Any other read: half of the limits.
    Read,
    /// A write that does not end a run: three quarters of the limits.
    Write,
    /// A write whose body has not arrived yet, so that it may end a run: seven eighths of the limits. Used only after
    /// [`Write`](Self::Write) was rejected, and until the body has been read.
    Unread,
    /// A report that ends a run: the full limits.
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
    /// A request with more bytes than this is large.
    pub(crate) fn large_bytes(&self) -> usize {
        LARGE_BYTES.min(self.bytes / 16)
    }

    /// The share of a caller in a limit, at least 1: even the smallest share permits one request.
    pub(crate) fn caller_share(&self, whole: usize) -> usize {
        let percent = usize::from(self.caller_percent.min(100));
        // Multiplication first: exact for small limits. Division first: no overflow for large ones.
        let share = match whole.checked_mul(percent) {
            Some(product) => product / 100,
            None => whole / 100 * percent,
        };
        share.max(1)
    }
}
