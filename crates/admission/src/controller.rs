//! The controller: counts what is in use and decides who is admitted.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    AdmissionLimits, CallerId, Overloaded, Permit, Priority, Usage, waiting::WaitingQueue,
};

/// Admits requests within limits. See the [crate documentation](crate) for the rules.
#[derive(Debug)]
pub struct AdmissionController {
    limits: AdmissionLimits,
    state: Mutex<State>,
}

/// What is in use now.
#[derive(Debug, Default)]
pub(crate) struct State {
    total: Usage,
    /// How many permits hold more bytes than [`AdmissionLimits::large_bytes`].
    large: usize,
    callers: HashMap<CallerId, Usage, BuildHasherDefault<HashedAlready>>,
    pub(crate) waiting: WaitingQueue,
}

/// A change of what one permit holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    pub(crate) caller: CallerId,
    pub(crate) priority: Priority,
    /// What the permit held before, and holds after.
    pub(crate) former: usize,
    pub(crate) bytes: usize,
}

impl AdmissionController {
    /// A controller of which nothing is in use.
    pub fn new(limits: AdmissionLimits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            state: Mutex::default(),
        })
    }

    /// What is in use by all callers.
    pub fn usage(&self) -> Usage {
        self.state().total
    }

    /// How many requests wait for bytes.
    pub fn waiting(&self) -> usize {
        self.state().waiting.len()
    }

    /// Admits a request that holds `bytes`, or refuses it at once.
    ///
    /// # Errors
    ///
    /// [`Overloaded`], and nothing is counted.
    pub fn admit(
        self: &Arc<Self>,
        caller: CallerId,
        priority: Priority,
        bytes: usize,
    ) -> Result<Permit, Overloaded> {
        let mut state = self.state();
        state.add_request(caller);
        let change = Change {
            caller,
            priority,
            former: 0,
            bytes,
        };
        // Even a request that holds nothing yet is refused when there are no bytes left: its response will need some.
        if state.has_requests_for(&self.limits, caller, priority)
            && state.has_bytes_for(&self.limits, change)
        {
            state.set_bytes(&self.limits, caller, 0, bytes);
            drop(state);
            return Ok(Permit::new(Arc::clone(self), caller, bytes));
        }
        state.remove_request(caller);
        Err(Overloaded)
    }

    pub(crate) const fn limits(&self) -> &AdmissionLimits {
        &self.limits
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a request and its bytes out, and grants what waits for them.
    pub(crate) fn release(&self, caller: CallerId, bytes: usize) {
        let mut state = self.state();
        state.set_bytes(&self.limits, caller, bytes, 0);
        state.remove_request(caller);
        state.grant_waiting(&self.limits);
    }
}

impl State {
    fn of(&self, caller: CallerId) -> Usage {
        self.callers.get(&caller).copied().unwrap_or_default()
    }

    fn add_request(&mut self, caller: CallerId) {
        self.total.requests += 1;
        self.callers.entry(caller).or_default().requests += 1;
    }

    fn remove_request(&mut self, caller: CallerId) {
        self.total.requests -= 1;
        if let Some(usage) = self.callers.get_mut(&caller) {
            usage.requests -= 1;
            if usage.requests == 0 {
                self.callers.remove(&caller);
            }
        }
    }

    /// Whether the requests in progress, this one among them, are within the limit.
    pub(crate) fn has_requests_for(
        &self,
        limits: &AdmissionLimits,
        caller: CallerId,
        priority: Priority,
    ) -> bool {
        let most = priority.part_of(limits.requests).max(1);
        let share = priority
            .part_of(limits.caller_share(limits.requests))
            .max(1);
        let (all, own) = (self.total.requests, self.of(caller).requests);
        all <= most && (own <= share || all <= most / 2 && !self.waiting.has_other(caller))
    }

    /// Charges what a permit holds after the change, if that is less than before or within the limit.
    pub(crate) fn try_charge(&mut self, limits: &AdmissionLimits, change: Change) -> bool {
        let fits = change.bytes <= change.former || self.has_bytes_for(limits, change);
        if fits {
            self.set_bytes(limits, change.caller, change.former, change.bytes);
        }
        fits
    }

    /// Whether there are bytes for what a permit already holds.
    pub(crate) fn has_bytes_for(&self, limits: &AdmissionLimits, change: Change) -> bool {
        let Change {
            caller,
            priority,
            former,
            bytes,
        } = change;
        let is_large = bytes > limits.large_bytes();
        let other_large = self.large - usize::from(former > limits.large_bytes());
        if is_large && other_large == 0 {
            return true;
        }
        let part = priority.part_of(limits.bytes);
        let most = if is_large { part - part / 4 } else { part };
        let share = priority.part_of(limits.caller_share(limits.bytes));
        let all = self.total.bytes - former + bytes;
        let own = self.of(caller).bytes - former + bytes;
        all <= most && (own <= share || all <= most / 2 && !self.waiting.has_other(caller))
    }

    /// Changes what a permit holds, whether that is within the limit or not.
    pub(crate) fn set_bytes(
        &mut self,
        limits: &AdmissionLimits,
        caller: CallerId,
        former: usize,
        bytes: usize,
    ) {
        let is_large = |bytes: usize| usize::from(bytes > limits.large_bytes());
        self.large = self.large - is_large(former) + is_large(bytes);
        self.total.bytes = self.total.bytes - former + bytes;
        if let Some(usage) = self.callers.get_mut(&caller) {
            usage.bytes = usage.bytes - former + bytes;
        }
    }

    /// Grants what waits, in the order of arrival, as far as there are bytes for it. A request that waits only because its
    /// caller has used its share does not hold up the others; one that is too much for the whole does.
    pub(crate) fn grant_waiting(&mut self, limits: &AdmissionLimits) {
        let mut index = 0;
        while let Some(change) = self.waiting.get(index) {
            if self.has_bytes_for(limits, change) {
                self.set_bytes(limits, change.caller, change.former, change.bytes);
                self.waiting.grant(index);
            } else if self.is_within_its_share(limits, change) {
                return;
            } else {
                index += 1;
            }
        }
    }

    fn is_within_its_share(&self, limits: &AdmissionLimits, change: Change) -> bool {
        let share = change.priority.part_of(limits.caller_share(limits.bytes));
        self.of(change.caller).bytes - change.former + change.bytes <= share
    }
}

/// A [`CallerId`] is a hash already.
#[derive(Debug, Default)]
pub(crate) struct HashedAlready(u64);

impl Hasher for HashedAlready {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}
