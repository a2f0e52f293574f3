//! The controller: counts what is in use and decides who is admitted.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    AdmissionLimits, CallerId, Overloaded, Permit, Priority, Usage, usage::UsageByPriority,
    waiting::WaitingQueue,
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
    total: UsageByPriority,
    /// How many permits hold more bytes than [`AdmissionLimits::large_bytes`].
    large: usize,
    /// Whether a permit was granted beyond the limits.
    is_overcommitted: bool,
    callers: HashMap<CallerId, UsageByPriority, BuildHasherDefault<HashedAlready>>,
    pub(crate) waiting: WaitingQueue,
}

/// What a permit counts as.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Held {
    pub(crate) priority: Priority,
    pub(crate) bytes: usize,
    /// Whether it is beyond the limits.
    pub(crate) is_overcommitted: bool,
}

/// A change of what one permit holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    pub(crate) caller: CallerId,
    pub(crate) from: Held,
    pub(crate) to: Held,
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
        self.state().total.total()
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
        let held = Held {
            priority,
            bytes,
            is_overcommitted: false,
        };
        let mut state = self.state();
        state.add(&self.limits, caller, held);
        // Even a request that holds nothing yet is refused when there are no bytes left: its response will need some.
        if state.is_within(&self.limits, caller, held) {
            drop(state);
            return Ok(Permit::new(Arc::clone(self), caller, held));
        }
        state.remove(&self.limits, caller, held);
        Err(Overloaded)
    }

    pub(crate) const fn limits(&self) -> &AdmissionLimits {
        &self.limits
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a request out, and grants what waits for its bytes.
    pub(crate) fn release(&self, caller: CallerId, held: Held) {
        let mut state = self.state();
        state.remove(&self.limits, caller, held);
        state.grant_waiting(&self.limits);
    }
}

impl State {
    fn add(&mut self, limits: &AdmissionLimits, caller: CallerId, held: Held) {
        self.large += usize::from(held.bytes > limits.large_bytes());
        let own = self.callers.entry(caller).or_default();
        for usage in [&mut self.total, own] {
            let usage = usage.of(held.priority);
            usage.requests += 1;
            usage.bytes += held.bytes;
        }
    }

    fn remove(&mut self, limits: &AdmissionLimits, caller: CallerId, held: Held) {
        self.is_overcommitted &= !held.is_overcommitted;
        self.large -= usize::from(held.bytes > limits.large_bytes());
        let Some(own) = self.callers.get_mut(&caller) else {
            return;
        };
        for usage in [&mut self.total, own] {
            let usage = usage.of(held.priority);
            usage.requests -= 1;
            usage.bytes -= held.bytes;
        }
        if own.total().requests == 0 {
            self.callers.remove(&caller);
        }
    }

    /// Makes a change if what is in use then is within the limits, or if it only gives bytes back.
    pub(crate) fn try_change(&mut self, limits: &AdmissionLimits, change: Change) -> bool {
        let Change { caller, from, to } = change;
        self.change(limits, change);
        let gives_back = from.priority == to.priority && to.bytes <= from.bytes;
        let is_done = gives_back || self.is_within(limits, caller, to);
        if !is_done {
            let back = Change {
                caller,
                from: to,
                to: from,
            };
            self.change(limits, back);
        }
        is_done
    }

    /// Makes a change, whether it is within the limits or not.
    pub(crate) fn change(&mut self, limits: &AdmissionLimits, change: Change) {
        // In this order the caller is never forgotten.
        self.add(limits, change.caller, change.to);
        self.remove(limits, change.caller, change.from);
        self.is_overcommitted |= change.to.is_overcommitted;
    }

    /// Whether what is in use is within the limits for a request that is counted already.
    fn is_within(&self, limits: &AdmissionLimits, caller: CallerId, held: Held) -> bool {
        let requests = Capacity {
            whole: limits.requests,
            share: limits.caller_share(limits.requests),
        };
        if !self.has_capacity(requests, caller, held.priority, |usage| usage.requests) {
            return false;
        }
        let is_large = held.bytes > limits.large_bytes();
        if is_large && self.large == 1 {
            return true;
        }
        let reserved_for_small = if is_large { limits.bytes / 4 } else { 0 };
        let bytes = Capacity {
            whole: limits.bytes - reserved_for_small,
            share: limits.caller_share(limits.bytes),
        };
        self.has_capacity(bytes, caller, held.priority, |usage| usage.bytes)
    }

    /// Whether the usage of all callers is within the part of a priority, and that of one caller within its part of the
    /// share.
    fn has_capacity(
        &self,
        Capacity { whole, share }: Capacity,
        caller: CallerId,
        priority: Priority,
        count: fn(Usage) -> usize,
    ) -> bool {
        let all = |priority| count(self.total.up_to(priority));
        if !is_within_part(priority, whole, all) {
            return false;
        }
        let own = self.callers.get(&caller).copied().unwrap_or_default();
        let own = |priority| count(own.up_to(priority));
        is_within_part(priority, share, own)
            || is_within_part(priority, whole / 2, all) && !self.waiting.has_other(caller)
    }

    /// Makes a change for which a request can wait: one large request at a time goes beyond the limits, so that requests
    /// that each hold a part of what they need do not wait for each other for ever. `None` when it must wait.
    pub(crate) fn try_reserve(&mut self, limits: &AdmissionLimits, change: Change) -> Option<Held> {
        if self.try_change(limits, change) {
            return Some(change.to);
        }
        if self.is_overcommitted || change.to.bytes <= limits.large_bytes() {
            return None;
        }
        let to = Held {
            is_overcommitted: true,
            ..change.to
        };
        self.change(limits, Change { to, ..change });
        Some(to)
    }

    /// Grants what waits, in the order of arrival, as far as there are bytes for it. A request that waits only because its
    /// caller has used its share does not hold up the others; one that is too much for the whole does.
    pub(crate) fn grant_waiting(&mut self, limits: &AdmissionLimits) {
        let mut index = 0;
        while let Some(change) = self.waiting.get(index) {
            if let Some(held) = self.try_reserve(limits, change) {
                self.waiting.grant(index, held);
            } else if self.is_within_its_share(limits, change) {
                return;
            } else {
                index += 1;
            }
        }
    }

    fn is_within_its_share(&self, limits: &AdmissionLimits, change: Change) -> bool {
        let Change { caller, from, to } = change;
        let own = self.callers.get(&caller).copied().unwrap_or_default();
        let share = limits.caller_share(limits.bytes);
        is_within_part(to.priority, share, |priority| {
            own.up_to(priority).bytes - from.bytes + to.bytes
        })
    }
}

/// What all callers together, and one of them, may use of requests or of bytes.
#[derive(Clone, Copy, Debug)]
struct Capacity {
    whole: usize,
    share: usize,
}

/// Whether what is used by a priority and all lower ones is within its part of the whole, and that of all higher ones
/// within theirs.
fn is_within_part(priority: Priority, whole: usize, used: impl Fn(Priority) -> usize) -> bool {
    let higher = match priority {
        Priority::List | Priority::Read => &[Priority::Write, Priority::EndsRun][..],
        Priority::Write | Priority::Unread => &[Priority::EndsRun],
        Priority::EndsRun => &[],
    };
    // Even a small part lets one request in.
    let is_within = |of: &Priority| used(*of) <= of.part_of(whole).max(1);
    is_within(&priority) && higher.iter().all(is_within)
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
