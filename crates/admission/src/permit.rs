//! What an admitted request holds.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use crate::{
    AdmissionController, CallerId, Overloaded, Priority,
    state::{Change, Held},
    waiting::Ticket,
};

/// One request that was admitted, and the bytes charged to it. Both are free again when this is dropped.
#[derive(Debug)]
pub struct Permit {
    controller: Arc<AdmissionController>,
    caller: CallerId,
    /// Changed only while the state of the controller is locked.
    held: Mutex<Held>,
}

impl Permit {
    pub(crate) const fn new(
        controller: Arc<AdmissionController>,
        caller: CallerId,
        held: Held,
    ) -> Self {
        Self {
            controller,
            caller,
            held: Mutex::new(held),
        }
    }

    /// The bytes that are charged.
    pub fn bytes(&self) -> usize {
        self.held().bytes
    }

    /// Charges `bytes` in all from now on, if they are within the limits.
    ///
    /// # Errors
    ///
    /// [`Overloaded`], and the former charge stays.
    pub fn charge(&self, bytes: usize) -> Result<(), Overloaded> {
        let priority = self.held().priority;
        self.reclassify(priority, bytes)
    }

    /// Counts the request with another priority from now on, and charges `bytes` in all, if that is within the limits.
    ///
    /// # Errors
    ///
    /// [`Overloaded`], and priority and charge stay as they were.
    pub fn reclassify(&self, priority: Priority, bytes: usize) -> Result<(), Overloaded> {
        let to = Held {
            priority,
            bytes,
            is_beyond: false,
        };
        let mut state = self.controller.state();
        let limits = self.controller.limits();
        let held = state.try_change(limits, self.change_to(to));
        self.set_held(held.ok_or(Overloaded)?);
        state.grant_waiting(limits);
        Ok(())
    }

    /// Charges `bytes` in all from now on, whether they are within the limits or not: for what is in memory already.
    pub fn set(&self, bytes: usize) {
        let mut state = self.controller.state();
        let limits = self.controller.limits();
        let held = self.held();
        let to = Held {
            bytes,
            is_beyond: held.is_beyond && bytes > limits.large_bytes(),
            ..held
        };
        state.change(self.change_to(to));
        self.set_held(to);
        state.grant_waiting(limits);
    }

    /// Charges `bytes` in all, at least as many as before, and waits until they are within the limits, in the order of
    /// arrival; what is large already comes first, so that it is done. One large request at a time goes beyond the limits. It may wait for ever, so give it a deadline; dropping the future stops the waiting, and
    /// the former charge stays. A permit reserves one thing at a time.
    pub async fn reserve(&self, bytes: usize) {
        let mut reservation = {
            let mut state = self.controller.state();
            let limits = self.controller.limits();
            let change = self.change_to(Held {
                bytes,
                is_beyond: false,
                ..self.held()
            });
            // A new large request does not overtake those that wait; a small one has bytes of its own.
            let holds_a_part = change.from.bytes > limits.large_bytes();
            let is_small = bytes <= limits.large_bytes();
            let may_try = is_small || holds_a_part || state.waiting.len() == 0;
            if may_try && let Some(held) = state.try_reserve(limits, change) {
                self.set_held(held);
                return;
            }
            let (ticket, granted) = state.waiting.push(change, holds_a_part);
            state.grant_waiting(limits);
            Reservation {
                permit: self,
                ticket,
                granted,
            }
        };
        if let Ok(held) = (&mut reservation.granted).await {
            self.set_held(held);
        }
    }

    fn held(&self) -> Held {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_held(&self, held: Held) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = held;
    }

    fn change_to(&self, to: Held) -> Change {
        Change {
            caller: self.caller,
            from: self.held(),
            to,
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.controller.release(self.caller, self.held());
    }
}

/// A request that waits for bytes. When this is dropped the request has them, or does not wait any more.
struct Reservation<'a> {
    permit: &'a Permit,
    ticket: Ticket,
    granted: oneshot::Receiver<Held>,
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        let controller = &self.permit.controller;
        let mut state = controller.state();
        if state.waiting.remove(self.ticket) {
            // Those behind it may have waited for this one alone.
            state.grant_waiting(controller.limits());
        } else if let Ok(held) = self.granted.try_recv() {
            // It was granted, and nobody has looked since.
            self.permit.set_held(held);
        }
    }
}
