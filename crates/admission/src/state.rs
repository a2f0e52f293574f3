//! What is in use, and the rules that decide who may use more.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    time::{Duration, Instant},
};

use crate::{
    AdmissionLimits, CallerId, Priority, Usage, usage::UsageByPriority, waiting::WaitingQueue,
};

/// How long callers hold no more than their share after one below its share was refused: long enough for it to try again.
const CROWDED: Duration = Duration::from_secs(2);

/// What is in use now.
#[derive(Debug, Default)]
pub(crate) struct State {
    total: UsageByPriority,
    /// What a permit holds that was granted beyond the limits, in bytes. The usage does not count it, so that it costs
    /// nobody else their capacity.
    beyond: Option<usize>,
    /// Until when callers hold no more than their share, since one below its share was refused.
    crowded_until: Option<Instant>,
    callers: HashMap<CallerId, UsageByPriority, BuildHasherDefault<HashedAlready>>,
    pub(crate) waiting: WaitingQueue,
}

/// What a permit counts as.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Held {
    pub(crate) priority: Priority,
    pub(crate) bytes: usize,
    /// Whether its bytes are beyond the limits.
    pub(crate) is_beyond: bool,
}

impl Held {
    /// The bytes that count within the limits.
    const fn counted(self) -> usize {
        if self.is_beyond { 0 } else { self.bytes }
    }
}

/// A change of what one permit holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    pub(crate) caller: CallerId,
    pub(crate) from: Held,
    pub(crate) to: Held,
}

impl State {
    pub(crate) fn usage(&self) -> Usage {
        let Usage { requests, bytes } = self.total.total();
        Usage {
            requests,
            bytes: bytes + self.beyond.unwrap_or_default(),
        }
    }

    fn add(&mut self, caller: CallerId, held: Held) {
        let own = self.callers.entry(caller).or_default();
        for usage in [&mut self.total, own] {
            let usage = usage.of(held.priority);
            usage.requests += 1;
            usage.bytes += held.counted();
        }
        if held.is_beyond {
            self.beyond = Some(held.bytes);
        }
    }

    pub(crate) fn remove(&mut self, caller: CallerId, held: Held) {
        if held.is_beyond {
            self.beyond = None;
        }
        let Some(own) = self.callers.get_mut(&caller) else {
            return;
        };
        for usage in [&mut self.total, own] {
            let usage = usage.of(held.priority);
            usage.requests -= 1;
            usage.bytes -= held.counted();
        }
        if own.total().requests == 0 {
            self.callers.remove(&caller);
        }
    }

    /// Counts a new request if that is within the limits, or if it may hold its bytes beyond them.
    pub(crate) fn try_add(
        &mut self,
        limits: &AdmissionLimits,
        caller: CallerId,
        held: Held,
    ) -> Option<Held> {
        self.add(caller, held);
        // Even a request that holds nothing yet is refused when there are no bytes left: its response will need some.
        if self.is_within(limits, caller, held) {
            return Some(held);
        }
        let is_within_share = self.is_within_share(limits, caller, held.priority);
        self.remove(caller, held);
        let beyond = Held {
            is_beyond: true,
            ..held
        };
        if self.may_go_beyond(limits, held) {
            self.add(caller, beyond);
            if self.is_within(limits, caller, beyond) {
                return Some(beyond);
            }
            self.remove(caller, beyond);
        }
        if is_within_share {
            self.crowded_until = Some(Instant::now() + CROWDED);
        }
        None
    }

    /// Makes a change if what is in use then is within the limits, or if it only gives bytes back. What is beyond the limits
    /// stays there until it fits.
    pub(crate) fn try_change(&mut self, limits: &AdmissionLimits, change: Change) -> Option<Held> {
        let Change { caller, from, to } = change;
        self.change(change);
        let gives_back = from.priority == to.priority && to.counted() <= from.counted();
        if gives_back || self.is_within(limits, caller, to) {
            return Some(to);
        }
        let stays_beyond = from.is_beyond && to.bytes <= from.bytes;
        let kept = match stays_beyond {
            true => Held {
                is_beyond: true,
                ..to
            },
            false => from,
        };
        self.change(Change {
            caller,
            from: to,
            to: kept,
        });
        stays_beyond.then_some(kept)
    }

    /// Makes a change, whether it is within the limits or not.
    pub(crate) fn change(&mut self, Change { caller, from, to }: Change) {
        // The caller is remembered in between.
        self.add(
            caller,
            Held {
                is_beyond: false,
                ..to
            },
        );
        self.remove(caller, from);
        if to.is_beyond {
            self.remove(
                caller,
                Held {
                    is_beyond: false,
                    ..to
                },
            );
            self.add(caller, to);
        }
    }

    fn may_go_beyond(&self, limits: &AdmissionLimits, held: Held) -> bool {
        self.beyond.is_none() && held.bytes > limits.large_bytes()
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
        let is_large = held.counted() > limits.large_bytes();
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
        if is_within_part(priority, share, own) {
            return true;
        }
        // A share is left for the others, and all of it as soon as one of them needs it.
        let is_crowded = self
            .crowded_until
            .is_some_and(|until| Instant::now() < until);
        let left = whole.saturating_sub(share);
        is_within_part(priority, left, all) && !is_crowded && !self.waiting.has_other(caller)
    }

    /// Whether a caller holds no more than its share of requests and bytes.
    fn is_within_share(
        &self,
        limits: &AdmissionLimits,
        caller: CallerId,
        priority: Priority,
    ) -> bool {
        let own = self.callers.get(&caller).copied().unwrap_or_default();
        let (requests, bytes) = (
            limits.caller_share(limits.requests),
            limits.caller_share(limits.bytes),
        );
        is_within_part(priority, requests, |priority| own.up_to(priority).requests)
            && is_within_part(priority, bytes, |priority| own.up_to(priority).bytes)
    }

    /// Makes a change for which a request can wait: one large request at a time goes beyond the limits, so that requests
    /// that each hold a part of what they need do not wait for each other for ever. `None` when it must wait.
    pub(crate) fn try_reserve(&mut self, limits: &AdmissionLimits, change: Change) -> Option<Held> {
        if let Some(held) = self.try_change(limits, change) {
            return Some(held);
        }
        if !self.may_go_beyond(limits, change.to) {
            return None;
        }
        let to = Held {
            is_beyond: true,
            ..change.to
        };
        self.change(Change { to, ..change });
        Some(to)
    }

    /// Grants what waits, in the order of arrival, as far as there are bytes for it. A request that waits only because its
    /// caller has used its share does not hold up the others; one that is too much for the whole does.
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
