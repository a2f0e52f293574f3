//! How much the service takes: of one caller, and in all.

mod caller;
mod footprint;
mod notice;
mod rate;

use std::{num::NonZeroU32, time::Duration};

use flowruns_admission::AdmissionLimits;
use flowruns_domain::{CountLimit, TenantId};

pub use self::rate::MinimumRate;
pub(crate) use self::{
    caller::CallerLimits,
    footprint::footprint,
    notice::Refusals,
    rate::{RateWindow, TooSlow},
};

/// How much is taken before requests are refused.
#[derive(Clone, Debug)]
pub struct Limits {
    /// What every caller may send, unless an override says otherwise; without one there is no limit.
    pub caller: Option<Rate>,
    /// What some callers may send. The first that names a caller counts.
    pub overrides: Vec<RateOverride>,
    /// How much may be in progress, in all and of each caller: requests, and the bytes of memory that their bodies and long
    /// responses hold. The [`flowruns_admission`] crate has the rules.
    pub admission: AdmissionLimits,
    /// How long a request waits for bytes of memory before it is refused.
    pub max_wait: Duration,
    /// How slowly a client may send the body of a request.
    pub minimum_rate: MinimumRate,
    /// The largest number of rows that a count looks at.
    pub count_rows: CountLimit,
}

/// How often a caller may send a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rate {
    /// How long it takes until one more request may be sent.
    pub period: Duration,
    /// How many may come at once after a pause.
    pub burst: NonZeroU32,
}

/// Another rate for some callers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RateOverride {
    /// Callers of this tenant; without it of any.
    pub tenant: Option<TenantId>,
    /// This application or person; without it any.
    pub application: Option<String>,
    /// What each of them may send; without it there is no limit.
    pub rate: Option<Rate>,
}

impl Default for Limits {
    /// No rate limit for a caller; 4096 requests and 128 MiB in all, of which a caller may hold a quarter; 5 s to wait;
    /// counts of up to 100,000 rows.
    fn default() -> Self {
        Self {
            caller: None,
            overrides: Vec::new(),
            admission: AdmissionLimits {
                requests: 4096,
                bytes: 128 * 1024 * 1024,
                caller_percent: 25,
            },
            max_wait: Duration::from_secs(5),
            minimum_rate: MinimumRate::default(),
            count_rows: CountLimit::default(),
        }
    }
}

impl Rate {
    /// So many requests a second, evenly, and so many at once; `None` when one of them is 0.
    ///
    /// ```
    /// use flowruns_api::Rate;
    ///
    /// assert_eq!(Rate::per_second(50, 100).map(|rate| rate.period.as_millis()), Some(20));
    /// assert_eq!(Rate::per_second(0, 100), None);
    /// ```
    pub fn per_second(requests: u32, burst: u32) -> Option<Self> {
        Some(Self {
            period: Duration::from_secs(1).checked_div(requests)?,
            burst: NonZeroU32::new(burst)?,
        })
    }
}
