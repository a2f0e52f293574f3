//! The queue of requests that wait for bytes.

use std::collections::VecDeque;

use tokio::sync::oneshot;

use crate::{
    CallerId,
    state::{Change, Held},
};

/// Identifies a waiting request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Ticket(u64);

#[derive(Debug)]
struct Waiter {
    ticket: Ticket,
    change: Change,
    granted: oneshot::Sender<Held>,
}

/// The waiting requests. The limit of requests bounds the queue, because each request waits at most once.
#[derive(Debug, Default)]
pub(crate) struct WaitingQueue {
    next: u64,
    waiters: VecDeque<Waiter>,
}

impl WaitingQueue {
    pub(crate) fn len(&self) -> usize {
        self.waiters.len()
    }

    /// Adds a request, which receives a message when its change is granted. It goes to the end of the queue, or to the front
    /// if it has a large charge already, because it releases that charge when it has finished.
    pub(crate) fn push(
        &mut self,
        change: Change,
        has_large_charge: bool,
    ) -> (Ticket, oneshot::Receiver<Held>) {
        let ticket = Ticket(self.next);
        self.next += 1;
        let (granted, receiver) = oneshot::channel();
        let waiter = Waiter { ticket, change, granted };
        match has_large_charge {
            true => self.waiters.push_front(waiter),
            false => self.waiters.push_back(waiter),
        }
        (ticket, receiver)
    }

    /// The change that the request at this index waits for.
    pub(crate) fn get(&self, index: usize) -> Option<Change> {
        self.waiters.get(index).map(|waiter| waiter.change)
    }

    /// Removes the request at this index and notifies it that its change was granted.
    pub(crate) fn grant(&mut self, index: usize, held: Held) {
        if let Some(waiter) = self.waiters.remove(index) {
            // The receiver is not dropped before the ticket was removed from the queue.
            let _always_received = waiter.granted.send(held);
        }
    }

    /// Removes a request that stops waiting. Returns whether it was still in the queue.
    pub(crate) fn remove(&mut self, ticket: Ticket) -> bool {
        let position = self.waiters.iter().position(|waiter| waiter.ticket == ticket);
        position.is_some_and(|index| self.waiters.remove(index).is_some())
    }

    /// Whether a request of another caller waits.
    pub(crate) fn has_other(&self, caller: CallerId) -> bool {
        self.waiters.iter().any(|waiter| waiter.change.caller != caller)
    }
}
