//! How often each caller may ask.

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

/// How many callers are remembered. One that is forgotten may begin with a full burst again, but to be forgotten it
/// must have been silent while so many others asked.
const MOST_CALLERS: NonZeroUsize = NonZeroUsize::new(16 * 1024).unwrap();

type Limiter<C> = RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// A limiter for each tenant and application, of those that asked last.
pub(crate) struct CallerLimits<C: Clock = MonotonicClock> {
    rate: Option<Rate>,
    overrides: Vec<RateOverride>,
    clock: C,
    hasher: RandomState,
    /// By the hash of the caller, so that a long name takes no more memory than a short one. Two callers of one hash
    /// would share their limit; its key is random, so that nobody can look for such a name.
    limiters: Mutex<LruCache<u64, Limiter<C>>>,
}

impl<C: Clock + Clone> CallerLimits<C> {
    pub(crate) fn new(limits: &Limits, clock: C) -> Self {
        Self {
            rate: limits.caller,
            overrides: limits.overrides.clone(),
            clock,
            hasher: RandomState::new(),
            limiters: Mutex::new(LruCache::new(MOST_CALLERS)),
        }
    }

    /// Counts a request.
    ///
    /// # Errors
    ///
    /// How long the caller is to wait, when it is one too many.
    pub(crate) fn count(&self, caller: &Caller) -> Result<(), Duration> {
        let Some(rate) = self.rate_of(caller) else {
            return Ok(());
        };
        let CallerId(key) = self.id(caller);
        let mut limiters = self.limiters.lock().unwrap_or_else(PoisonError::into_inner);
        let limiter = limiters.get_or_insert(key, || self.limiter(rate));
        limiter
            .check()
            .map_err(|refused| refused.wait_time_from(self.clock.now()))
    }

    /// The identity of a caller for admission: its tenant and application.
    pub(crate) fn id(&self, caller: &Caller) -> CallerId {
        CallerId(self.hasher.hash_one((caller.tenant, &caller.actor)))
    }

    fn rate_of(&self, caller: &Caller) -> Option<Rate> {
        let names = |named: &&RateOverride| {
            named.tenant.is_none_or(|tenant| tenant == caller.tenant)
                && named
                    .application
                    .as_ref()
                    .is_none_or(|application| *application == caller.actor)
        };
        let named = self.overrides.iter().find(names);
        named.map_or(self.rate, |named| named.rate)
    }

    fn limiter(&self, rate: Rate) -> Limiter<C> {
        // A period of nothing is no limit.
        let period = rate.period.max(Duration::from_nanos(1));
        let quota = Quota::with_period(period).unwrap_or(Quota::per_second(NonZeroU32::MAX));
        RateLimiter::direct_with_clock(quota.allow_burst(rate.burst), self.clock.clone())
    }
}

#[cfg(test)]
mod tests {
    use flowruns_domain::TenantId;
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn tenant(number: u8) -> TenantId {
        format!("0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d{number:02x}")
            .parse()
            .unwrap()
    }

    fn caller(tenant_number: u8, application: &str) -> Caller {
        Caller::new(tenant(tenant_number), application.to_owned())
    }

    fn limits(requests: u32, burst: u32, overrides: Vec<RateOverride>) -> Limits {
        Limits {
            caller: Rate::per_second(requests, burst),
            overrides,
            ..Limits::default()
        }
    }

    #[test]
    fn a_burst_is_taken_at_once_and_then_as_many_as_time_brings() {
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
        let taken = |caller: &Caller| (0..10).filter(|_| callers.count(caller).is_ok()).count();
        assert_eq!(taken(&caller(1, "loader")), 10);
        assert_eq!(taken(&caller(1, "other")), 2);
        assert_eq!(taken(&caller(2, "loader")), 3);
        assert_eq!(taken(&caller(2, "other")), 1);
    }

    #[test]
    fn a_flood_of_applications_is_remembered_within_a_bound_and_the_latest_stay_limited() {
        let callers = CallerLimits::new(&limits(1, 1, Vec::new()), FakeRelativeClock::default());
        let flood = 2 * MOST_CALLERS.get();
        for number in 0..flood {
            assert_eq!(callers.count(&caller(1, &number.to_string())), Ok(()));
        }
        assert_eq!(callers.limiters.lock().unwrap().len(), MOST_CALLERS.get());
        let last = (flood - 1).to_string();
        assert!(callers.count(&caller(1, &last)).is_err());
    }
}
