//! Requests that wait for bytes, in the order of arrival.

use std::collections::VecDeque;

use tokio::sync::oneshot;

use crate::{
    CallerId,
    state::{Change, Held},
};

/// Names one that waits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Ticket(u64);

#[derive(Debug)]
struct Waiter {
    ticket: Ticket,
    change: Change,
    granted: oneshot::Sender<Held>,
}

/// A queue that is bounded by the limit of requests: each waits at most once.
#[derive(Debug, Default)]
pub(crate) struct WaitingQueue {
    next: u64,
    waiters: VecDeque<Waiter>,
}

impl WaitingQueue {
    pub(crate) fn len(&self) -> usize {
        self.waiters.len()
    }

    /// Adds one, which is told when its change is granted: at the end, or before all others when it holds a part already,
    /// since it gives that back when it is done.
    pub(crate) fn push(
        &mut self,
        change: Change,
        holds_a_part: bool,
    ) -> (Ticket, oneshot::Receiver<Held>) {
        let ticket = Ticket(self.next);
        self.next += 1;
        let (granted, receiver) = oneshot::channel();
        let waiter = Waiter {
            ticket,
            change,
            granted,
        };
        match holds_a_part {
            true => self.waiters.push_front(waiter),
            false => self.waiters.push_back(waiter),
        }
        (ticket, receiver)
    }

    /// What the one at this index waits for.
    pub(crate) fn get(&self, index: usize) -> Option<Change> {
        self.waiters.get(index).map(|waiter| waiter.change)
    }

    /// Removes the one at this index and tells it that it has what it waited for.
    pub(crate) fn grant(&mut self, index: usize, held: Held) {
        if let Some(waiter) = self.waiters.remove(index) {
            // The receiver lives until the waiter has given up its ticket.
            let _never_gone = waiter.granted.send(held);
        }
    }

    /// Removes one that has stopped waiting; whether it still waited.
    pub(crate) fn remove(&mut self, ticket: Ticket) -> bool {
        let position = self
            .waiters
            .iter()
            .position(|waiter| waiter.ticket == ticket);
        position.is_some_and(|index| self.waiters.remove(index).is_some())
    }

    /// Whether a request of another caller waits.
    pub(crate) fn has_other(&self, caller: CallerId) -> bool {
        self.waiters
            .iter()
            .any(|waiter| waiter.change.caller != caller)
    }
}
