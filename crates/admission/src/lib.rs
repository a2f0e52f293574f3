//! Admission control: how many requests are in progress at once, and how many bytes of memory they hold.
//!
//! An [`AdmissionController`] hands out [`Permit`]s. A permit counts one request until it is dropped, and the bytes that
//! are charged to it. Three rules decide whether a request is admitted:
//!
//! 1. **Priority.** Each [`Priority`] may use a part of the limits together with all lower ones. The last quarter is a
//!    reserve that only reports that end a run may use.
//! 2. **Share.** A [`CallerId`] may hold a share of that part. Beyond its share it is admitted only while as much as a
//!    share is left for others, no other caller waits, and none below its share was refused in the last seconds. So one
//!    caller alone is hardly limited, and cannot keep another from being served.
//! 3. **Size.** Requests that hold more than [64 KiB](LARGE_BYTES) may use three quarters of the bytes that their
//!    priority may use; the rest is for small requests. One large request at a time is admitted beyond the limits, whatever
//!    it holds; it does not count for the others.
//!
//! The number of requests is never waited for: what is over the limit is [`Overloaded`] at once. For bytes a request can
//! wait, in the order of arrival ([`Permit::reserve`]). So the bytes that are in use exceed the limit by what one large
//! request holds at the most, and by what [`Permit::set`] adds.
//!
//! ```
//! use flowruns_admission::{AdmissionController, AdmissionLimits, CallerId, Overloaded, Priority};
//!
//! let limits = AdmissionLimits { requests: 8, bytes: 1024 * 1024, caller_percent: 100 };
//! let controller = AdmissionController::new(limits);
//! let permits: Vec<_> = (0..2)
//!     .map(|_| controller.admit(CallerId::SHARED, Priority::List, 0))
//!     .collect::<Result<_, _>>()?;
//! // A quarter of the limit is in use: lists are refused, other reads are not.
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

/// Whose requests share a limit: a hash of the tenant and the application, made with a random key.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct CallerId(pub u64);

impl CallerId {
    /// For a controller that does not tell callers apart; use it with a share of 100 percent.
    pub const SHARED: Self = Self(0);
}

/// There is no capacity for the request now. Nothing was changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Overloaded;

impl fmt::Display for Overloaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("too many requests are in progress")
    }
}

impl Error for Overloaded {}
