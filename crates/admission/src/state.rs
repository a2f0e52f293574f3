//! The usage, and the rules that decide whether a request is admitted.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    time::{Duration, Instant},
};

use crate::{
    AdmissionLimits, CallerId, Priority, Usage, usage::UsageByPriority, waiting::WaitingQueue,
};

/// How long no caller may exceed its share after a caller below its share was rejected: long enough for that caller to try
/// again.
const SHARE_ONLY_PERIOD: Duration = Duration::from_secs(2);

/// How many callers are remembered when they have no request: most of them come back at once.
const MAX_IDLE_CALLERS: usize = 64;

/// The current usage.
#[derive(Debug, Default)]
pub(crate) struct AdmissionState {
    total: UsageByPriority,
    /// The bytes of the one permit that is above the limit. `total` does not contain them, so that they do not reduce the
    /// capacity of other requests.
    above_limit: Option<usize>,
    /// Until when no caller may exceed its share, because a caller below its share was rejected.
    share_only_until: Option<Instant>,
    callers: HashMap<CallerId, UsageByPriority, BuildHasherDefault<IdentityHasher>>,
    pub(crate) waiting: WaitingQueue,
}

/// The priority and the bytes of a permit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Held {
    pub(crate) priority: Priority,
    pub(crate) bytes: usize,
    /// Whether its bytes were granted above the limit.
    pub(crate) is_above_limit: bool,
}

impl Held {
    /// The bytes that count within the limits.
    const fn counted(self) -> usize {
        if self.is_above_limit { 0 } else { self.bytes }
    }
}

/// A change of the priority or the bytes of one permit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    pub(crate) caller: CallerId,
    pub(crate) from: Held,
    pub(crate) to: Held,
}

impl AdmissionState {
    pub(crate) fn usage(&self) -> Usage {
        let Usage { requests, bytes } = self.total.total();
        Usage { requests, bytes: bytes + self.above_limit.unwrap_or_default() }
    }

    fn add(&mut self, caller: CallerId, held: Held) {
        let own = self.callers.entry(caller).or_default();
        for usage in [&mut self.total, own] {
            usage.add(held.priority, held.counted());
        }
        if held.is_above_limit {
            self.above_limit = Some(held.bytes);
        }
    }

    pub(crate) fn remove(&mut self, caller: CallerId, held: Held) {
        if held.is_above_limit {
            self.above_limit = None;
        }
        let Some(own) = self.callers.get_mut(&caller) else {
            return;
        };
        let has_no_other = own.total().requests == 1;
        for usage in [&mut self.total, own] {
            usage.remove(held.priority, held.counted());
        }
        if has_no_other && self.callers.len() > MAX_IDLE_CALLERS {
            self.callers.remove(&caller);
        }
    }

    /// Counts a new request if that is within the limits, or if its bytes may be above the limit.
    pub(crate) fn try_add(
        &mut self,
        limits: &AdmissionLimits,
        caller: CallerId,
        held: Held,
    ) -> Option<Held> {
        self.add(caller, held);
        // A request without bytes is also rejected if no bytes are free: its response will need some.
        if self.is_within(limits, caller, held) {
            return Some(held);
        }
        let is_within_share = self.is_within_share(limits, caller, held.priority);
        self.remove(caller, held);
        let above_limit = Held { is_above_limit: true, ..held };
        if self.may_exceed_limit(limits, held) {
            self.add(caller, above_limit);
            if self.is_within(limits, caller, above_limit) {
                return Some(above_limit);
            }
            self.remove(caller, above_limit);
        }
        if is_within_share {
            self.share_only_until = Some(Instant::now() + SHARE_ONLY_PERIOD);
        }
        None
    }

    /// Makes a change if the usage is then within the limits, or if the change only releases bytes. Bytes above the limit stay
    /// above it until they fit.
    pub(crate) fn try_change(&mut self, limits: &AdmissionLimits, change: Change) -> Option<Held> {
        let Change { caller, from, to } = change;
        self.change(change);
        let only_releases = from.priority == to.priority && to.counted() <= from.counted();
        if only_releases || self.is_within(limits, caller, to) {
            return Some(to);
        }
        let stays_above_limit = from.is_above_limit && to.bytes <= from.bytes;
        let kept = match stays_above_limit {
            true => Held { is_above_limit: true, ..to },
            false => from,
        };
        self.change(Change { caller, from: to, to: kept });
        stays_above_limit.then_some(kept)
    }

    /// Makes a change, whether it is within the limits or not.
    pub(crate) fn change(&mut self, Change { caller, from, to }: Change) {
        let own = self.callers.entry(caller).or_default();
        for usage in [&mut self.total, own] {
            usage.remove(from.priority, from.counted());
            usage.add(to.priority, to.counted());
        }
        if from.is_above_limit || to.is_above_limit {
            self.above_limit = to.is_above_limit.then_some(to.bytes);
        }
    }

    fn may_exceed_limit(&self, limits: &AdmissionLimits, held: Held) -> bool {
        self.above_limit.is_none() && held.bytes > limits.large_bytes()
    }

    /// Whether the usage is within the limits for a request that is already counted.
    fn is_within(&self, limits: &AdmissionLimits, caller: CallerId, held: Held) -> bool {
        if self.is_within_every_part(limits) {
            return true;
        }
        let requests =
            Capacity { whole: limits.requests, share: limits.caller_share(limits.requests) };
        if !self.has_capacity(requests, caller, held.priority, |usage| usage.requests) {
            return false;
        }
        let is_large = held.counted() > limits.large_bytes();
        let reserved_for_small = if is_large { limits.bytes / 4 } else { 0 };
        let bytes = Capacity {
            whole: limits.bytes - reserved_for_small,
            share: limits.caller_share(limits.bytes),
        };
        self.has_capacity(bytes, caller, held.priority, |usage| usage.bytes)
    }

    /// Whether all callers together use less than one of them may use of the lowest priority, so that no rule applies: the
    /// usual case, decided without a look at each priority.
    fn is_within_every_part(&self, limits: &AdmissionLimits) -> bool {
        let smallest_part = |whole: usize| {
            let share = limits.caller_share(whole).min(whole - whole / 4);
            Priority::List.part_of(share)
        };
        let used = self.total.total();
        used.requests <= smallest_part(limits.requests) && used.bytes <= smallest_part(limits.bytes)
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
        if is_within_part(priority, share, own) {
            return true;
        }
        // Above its share: one share must stay free for other callers, and none of them may wait or have been rejected.
        let is_share_only = self.share_only_until.is_some_and(|until| Instant::now() < until);
        let left = whole.saturating_sub(share);
        is_within_part(priority, left, all) && !is_share_only && !self.waiting.has_other(caller)
    }

    /// Whether the usage of a caller is within its share of requests and bytes.
    fn is_within_share(
        &self,
        limits: &AdmissionLimits,
        caller: CallerId,
        priority: Priority,
    ) -> bool {
        let own = self.callers.get(&caller).copied().unwrap_or_default();
        let (requests, bytes) =
            (limits.caller_share(limits.requests), limits.caller_share(limits.bytes));
        is_within_part(priority, requests, |priority| own.up_to(priority).requests)
            && is_within_part(priority, bytes, |priority| own.up_to(priority).bytes)
    }

    /// Makes a change for which a request can wait; `None` if it must wait. One large request at a time may exceed the limit:
    /// otherwise requests that each have a part of the bytes they need would wait for each other forever.
    pub(crate) fn try_reserve(&mut self, limits: &AdmissionLimits, change: Change) -> Option<Held> {
        if let Some(held) = self.try_change(limits, change) {
            return Some(held);
        }
        if !self.may_exceed_limit(limits, change.to) {
            return None;
        }
        let to = Held { is_above_limit: true, ..change.to };
        self.change(Change { to, ..change });
        Some(to)
    }

    /// Grants bytes to waiting requests, in the order of the queue, while bytes are free. A request that waits only because of
    /// its caller's share does not block the requests behind it; one that waits because of the limit does.
    pub(crate) fn grant_waiting(&mut self, limits: &AdmissionLimits) {
        let mut index = 0;
        while let Some(change) = self.waiting.get(index) {
            if let Some(held) = self.try_reserve(limits, change) {
                self.waiting.grant(index, held);
            } else if self.would_be_within_share(limits, change) {
                return;
            } else {
                index += 1;
            }
        }
    }

    fn would_be_within_share(&self, limits: &AdmissionLimits, change: Change) -> bool {
        let Change { caller, from, to } = change;
        let own = self.callers.get(&caller).copied().unwrap_or_default();
        let share = limits.caller_share(limits.bytes);
        is_within_part(to.priority, share, |priority| {
            own.up_to(priority).bytes - from.counted() + to.bytes
        })
    }
}

/// The limit of all callers together, and the share of one, in requests or in bytes.
#[derive(Clone, Copy, Debug)]
struct Capacity {
    whole: usize,
    share: usize,
}

/// Whether the usage of a priority and all lower ones is within its part of the limit, and likewise for all higher
/// priorities.
fn is_within_part(priority: Priority, whole: usize, used: impl Fn(Priority) -> usize) -> bool {
    let higher = match priority {
        Priority::List | Priority::Read => &[Priority::Write, Priority::EndsRun][..],
        Priority::Write | Priority::Unread => &[Priority::EndsRun],
        Priority::EndsRun => &[],
    };
    // Even the smallest part permits one request.
    let is_within = |of: &Priority| used(*of) <= of.part_of(whole).max(1);
    is_within(&priority) && higher.iter().all(is_within)
}

/// Returns a [`CallerId`] as its own hash: it is a hash already.
#[derive(Debug, Default)]
pub(crate) struct IdentityHasher(u64);

impl Hasher for IdentityHasher {
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
