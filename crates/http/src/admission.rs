//! Admission of requests: the rate of each caller, and how much may be in progress in total.

mod caller_limits;

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use flowruns_admission::{
    AdmissionController, AdmissionLimits, CallerId, Overloaded, Permit, Priority,
};
use flowruns_domain::{id::TenantId, query::CountLimit};
use governor::clock::MonotonicClock;
use tokio::time::{Instant, timeout_at};

use self::caller_limits::CallerLimits;
use crate::{auth::Caller, body::MinimumRate, context::RequestContext, error::RequestError};

/// How many requests, and how much memory for them, the service accepts before it rejects requests.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The rate of each caller that no override names; `None` is no limit.
    pub caller: Option<Rate>,
    /// The rates of some callers. The first override that names a caller counts.
    pub overrides: Vec<RateOverride>,
    /// How much may be in progress, in total and of each caller: requests, and the bytes of memory of their bodies and long
    /// responses. The crate [`flowruns_admission`] has the rules.
    pub admission: AdmissionLimits,
    /// How long a request waits for memory before it is rejected.
    pub max_wait: Duration,
    /// How slowly a client may send the body of a request.
    pub minimum_rate: MinimumRate,
    /// The largest number of rows that a count looks at.
    pub count_rows: CountLimit,
}

/// A rate limit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rate {
    /// The time after which one more request is allowed.
    pub period: Duration,
    /// The number of requests that may come at once after a pause.
    pub burst: NonZeroU32,
}

/// A rate limit for some callers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RateOverride {
    /// Only callers of this tenant; `None` is any tenant.
    pub tenant: Option<TenantId>,
    /// Only this application or person; `None` is any.
    pub application: Option<String>,
    /// The rate of each of these callers; `None` is no limit.
    pub rate: Option<Rate>,
}

impl Default for Limits {
    /// No rate limit for a caller; 4096 requests and 128 MiB in total, of which a caller may hold a quarter; 5 s to wait;
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
    /// A rate of `requests` a second, evenly distributed, of which `burst` may come at once; `None` if one of them is 0.
    ///
    /// ```
    /// use flowruns_http::Rate;
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

/// Admits requests within [`Limits`]. All front ends of a process share one, so that together they stay within the limits.
pub struct Admission {
    limits: Limits,
    callers: CallerLimits,
    controller: Arc<AdmissionController>,
}

impl Admission {
    /// An admission with nothing in progress.
    pub fn new(limits: Limits) -> Self {
        Self {
            callers: CallerLimits::new(&limits, MonotonicClock),
            controller: AdmissionController::new(limits.admission),
            limits,
        }
    }

    /// The limits.
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Counts a request against the rate limit of its caller, and returns the identity of the caller for
    /// [`admit`](Self::admit).
    ///
    /// # Errors
    ///
    /// 429 when the caller has sent more than its rate allows.
    pub fn count(&self, caller: &Caller) -> Result<CallerId, RequestError> {
        self.callers.count(caller).map_err(RequestError::too_many_requests)?;
        Ok(self.callers.id(caller))
    }

    /// Admits a request, which may hold `bytes` of memory. Requests of people's pages have [`Priority::List`], the lowest.
    ///
    /// # Errors
    ///
    /// [`Overloaded`] when there is no capacity for it.
    pub fn admit<'c>(
        &self,
        context: &'c RequestContext,
        caller: CallerId,
        priority: Priority,
        bytes: usize,
    ) -> Result<&'c Permit, Overloaded> {
        context.admit(&self.controller, caller, priority, bytes)
    }

    /// The time at which a request that waits for memory from now on gives up.
    pub fn wait_end(&self) -> Instant {
        Instant::now() + self.limits.max_wait
    }
}

/// Waits until a request may hold `bytes` of memory in total.
///
/// # Errors
///
/// 503 when there is no memory for it until `end`.
pub async fn reserve(permit: &Permit, bytes: usize, end: Instant) -> Result<(), RequestError> {
    let reserved = timeout_at(end, permit.reserve(bytes)).await;
    reserved.map_err(|_elapsed| RequestError::overloaded())
}
