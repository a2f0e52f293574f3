//! Admission control: limits how many requests are in progress at once, and how many bytes of memory they use.
//!
//! An [`AdmissionController`] grants [`Permit`]s. A permit counts one request, and the bytes charged to it, until it is
//! dropped. Three rules decide whether a request is admitted:
//!
//! 1. **Priority.** Requests of one [`Priority`] and of all lower ones may together use a part of the limits. The last
//!    quarter is reserved for reports that end a run.
//! 2. **Share.** One [`CallerId`] may use a share of that part. Above its share it is admitted only while the capacity of a
//!    share is left for others, no other caller waits, and no caller below its share was rejected in the last 2 seconds.
//!    So a single caller may use nearly everything, but cannot block another caller.
//! 3. **Size.** Requests of more than [64 KiB](LARGE_BYTES) may use three quarters of the bytes that their priority may
//!    use; the rest is for small requests. One large request at a time is admitted above the limit of bytes, whatever its
//!    size; its bytes do not reduce the capacity of other requests.
//!
//! A request above the limit of requests is rejected at once ([`Overloaded`]); it does not wait. For bytes a request can
//! wait, in the order of arrival ([`Permit::reserve`]). The bytes in use exceed the limit by at most one large request, and
//! by the bytes that [`Permit::set`] adds.
//!
//! ```
//! use flowruns_admission::{AdmissionController, AdmissionLimits, CallerId, Overloaded, Priority};
//!
//! let limits = AdmissionLimits { requests: 8, bytes: 1024 * 1024, caller_percent: 100 };
//! let controller = AdmissionController::new(limits);
//! let permits: Vec<_> = (0..2)
//!     .map(|_| controller.admit(CallerId::SHARED, Priority::List, 0))
//!     .collect::<Result<_, _>>()?;
//! // A quarter of the limit is in use: lists are rejected, other reads are not.
//! assert!(controller.admit(CallerId::SHARED, Priority::List, 0).is_err());
//! assert!(controller.admit(CallerId::SHARED, Priority::Read, 0).is_ok());
//! drop(permits);
//! assert_eq!(controller.usage().requests, 0);
//! # Ok::<(), Overloaded>(())
//! ```

mod controller;
mod limits;
mod permit;
mod state;
mod usage;
mod waiting;

use std::{error::Error, fmt};

pub use self::{
    controller::AdmissionController,
    limits::{AdmissionLimits, LARGE_BYTES, Priority},
    permit::Permit,
    usage::Usage,
};

/// Identifies the caller whose share a request uses: a hash of the tenant and the application with a random key.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct CallerId(pub u64);

impl CallerId {
    /// For a controller that does not distinguish callers; use it with [`AdmissionLimits::caller_percent`] 100.
    pub const SHARED: Self = Self(0);
}

/// No capacity is free for the request. Nothing was changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Overloaded;

impl fmt::Display for Overloaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("too many requests are in progress")
    }
}

impl Error for Overloaded {}
