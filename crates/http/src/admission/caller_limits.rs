//! The rate limit of each caller.

use std::{
    hash::{BuildHasher as _, RandomState},
    num::{NonZeroU32, NonZeroUsize},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use flowruns_admission::CallerId;
use governor::{
    Quota, RateLimiter,
    clock::{Clock, MonotonicClock},
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed},
};
use lru::LruCache;

use super::{Limits, Rate, RateOverride};
use crate::auth::Caller;

/// How many callers are remembered. A forgotten one begins with a full burst again, but it is forgotten only after this many
/// others have sent requests since its last one.
const MAX_CALLERS: NonZeroUsize = NonZeroUsize::new(16 * 1024).unwrap();

type Limiter<C> = RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// A limiter for each tenant and application that sent a request recently.
pub(crate) struct CallerLimits<C: Clock = MonotonicClock> {
    rate: Option<Rate>,
    overrides: Vec<RateOverride>,
    clock: C,
    hasher: RandomState,
    /// By the hash of the caller, so that a long name needs no more memory than a short one. Two callers with the same hash
    /// would share a limit; the key of the hash is random, so that nobody can search for such a name.
    limiters: Mutex<LruCache<u64, Limiter<C>>>,
}

impl<C: Clock + Clone> CallerLimits<C> {
    pub(crate) fn new(limits: &Limits, clock: C) -> Self {
        Self {
            rate: limits.caller,
            overrides: limits.overrides.clone(),
            clock,
            hasher: RandomState::new(),
            limiters: Mutex::new(LruCache::new(MAX_CALLERS)),
        }
    }

    /// Counts a request.
    ///
    /// # Errors
    ///
    /// The time until the next request is allowed, if this one exceeds the rate.
    pub(crate) fn count(&self, caller: &Caller) -> Result<(), Duration> {
        let Some(rate) = self.rate_of(caller) else {
            return Ok(());
        };
        let CallerId(key) = self.id(caller);
        let mut limiters = self.limiters.lock().unwrap_or_else(PoisonError::into_inner);
        let limiter = limiters.get_or_insert(key, || self.limiter(rate));
        limiter.check().map_err(|rejected| rejected.wait_time_from(self.clock.now()))
    }

    /// The identity of a caller for admission: its tenant and application.
    pub(crate) fn id(&self, caller: &Caller) -> CallerId {
        CallerId(self.hasher.hash_one((caller.tenant, &caller.actor)))
    }

    fn rate_of(&self, caller: &Caller) -> Option<Rate> {
        let names = |named: &&RateOverride| {
            named.tenant.is_none_or(|tenant| tenant == caller.tenant)
                && named.application.as_ref().is_none_or(|application| *application == caller.actor)
        };
        let named = self.overrides.iter().find(names);
        named.map_or(self.rate, |named| named.rate)
    }

    fn limiter(&self, rate: Rate) -> Limiter<C> {
        // A period of zero is no limit.
        let period = rate.period.max(Duration::from_nanos(1));
        let quota = Quota::with_period(period).unwrap_or(Quota::per_second(NonZeroU32::MAX));
        RateLimiter::direct_with_clock(quota.allow_burst(rate.burst), self.clock.clone())
    }
}

#[cfg(test)]
mod tests {
    use flowruns_domain::id::TenantId;
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn tenant(number: u8) -> TenantId {
        format!("0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d{number:02x}").parse().unwrap()
    }

    fn caller(tenant_number: u8, application: &str) -> Caller {
        Caller::new(tenant(tenant_number), application.to_owned(), None)
    }

    fn limits(requests: u32, burst: u32, overrides: Vec<RateOverride>) -> Limits {
        Limits { caller: Rate::per_second(requests, burst), overrides, ..Limits::default() }
    }

    #[test]
    fn a_burst_is_accepted_at_once_and_then_one_request_each_period() {
        let clock = FakeRelativeClock::default();
        let callers = CallerLimits::new(&limits(2, 3, Vec::new()), clock.clone());
        let one = caller(1, "nightly");
        for _ in 0..3 {
            assert_eq!(callers.count(&one), Ok(()));
        }
        assert_eq!(callers.count(&one), Err(Duration::from_millis(500)));
        clock.advance(Duration::from_millis(499));
        assert_eq!(callers.count(&one), Err(Duration::from_millis(1)));
        clock.advance(Duration::from_millis(1));
        assert_eq!(callers.count(&one), Ok(()));
        assert!(callers.count(&one).is_err());
    }

    #[test]
    fn each_tenant_and_each_application_has_a_limit_of_its_own() {
        let callers = CallerLimits::new(&limits(1, 1, Vec::new()), FakeRelativeClock::default());
        for other in [caller(1, "a"), caller(1, "b"), caller(2, "a")] {
            assert_eq!(callers.count(&other), Ok(()));
            assert!(callers.count(&other).is_err());
        }
    }

    #[test]
    fn the_first_override_that_names_a_caller_counts() {
        let named = |tenant, application: Option<&str>, rate| RateOverride {
            tenant,
            application: application.map(str::to_owned),
            rate,
        };
        let overrides = vec![
            named(Some(tenant(1)), Some("loader"), None),
            named(Some(tenant(1)), None, Rate::per_second(1, 2)),
            named(None, Some("loader"), Rate::per_second(1, 3)),
        ];
        let callers = CallerLimits::new(&limits(1, 1, overrides), FakeRelativeClock::default());
        let accepted = |caller: &Caller| (0..10).filter(|_| callers.count(caller).is_ok()).count();
        assert_eq!(accepted(&caller(1, "loader")), 10);
        assert_eq!(accepted(&caller(1, "other")), 2);
        assert_eq!(accepted(&caller(2, "loader")), 3);
        assert_eq!(accepted(&caller(2, "other")), 1);
    }

    #[test]
    fn the_number_of_remembered_applications_is_bounded_and_the_latest_stay_limited() {
        let callers = CallerLimits::new(&limits(1, 1, Vec::new()), FakeRelativeClock::default());
        let count = 2 * MAX_CALLERS.get();
        for number in 0..count {
            assert_eq!(callers.count(&caller(1, &number.to_string())), Ok(()));
        }
        assert_eq!(callers.limiters.lock().unwrap().len(), MAX_CALLERS.get());
        let last = (count - 1).to_string();
        assert!(callers.count(&caller(1, &last)).is_err());
    }
}
