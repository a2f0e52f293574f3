//! What an admitted request holds.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use crate::{
    AdmissionController, CallerId, Overloaded, Priority, controller::Change, waiting::Ticket,
};

/// One request that was admitted, and the bytes charged to it. Both are free again when this is dropped.
#[derive(Debug)]
pub struct Permit {
    controller: Arc<AdmissionController>,
    caller: CallerId,
    /// Changed only while the state of the controller is locked.
    bytes: AtomicUsize,
}

impl Permit {
    pub(crate) const fn new(
        controller: Arc<AdmissionController>,
        caller: CallerId,
        bytes: usize,
    ) -> Self {
        Self {
            controller,
            caller,
            bytes: AtomicUsize::new(bytes),
        }
    }

    /// The bytes that are charged.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Relaxed)
    }

    /// Whether a request of this priority would be admitted with what this one holds.
    ///
    /// # Errors
    ///
    /// [`Overloaded`]
    pub fn check(&self, priority: Priority) -> Result<(), Overloaded> {
        let state = self.controller.state();
        let limits = self.controller.limits();
        let bytes = self.bytes();
        let held = self.change(priority, bytes);
        let fits = state.has_requests_for(limits, self.caller, priority)
            && state.has_bytes_for(limits, held);
        fits.then_some(()).ok_or(Overloaded)
    }

    /// Charges `bytes` in all from now on, if they are within the limit.
    ///
    /// # Errors
    ///
    /// [`Overloaded`], and the former charge stays.
    pub fn charge(&self, priority: Priority, bytes: usize) -> Result<(), Overloaded> {
        let mut state = self.controller.state();
        let limits = self.controller.limits();
        if !state.try_charge(limits, self.change(priority, bytes)) {
            return Err(Overloaded);
        }
        if self.bytes.swap(bytes, Relaxed) > bytes {
            state.grant_waiting(limits);
        }
        Ok(())
    }

    /// Charges `bytes` in all from now on, whether they are within the limit or not: for what is in memory already.
    pub fn set(&self, bytes: usize) {
        let mut state = self.controller.state();
        let limits = self.controller.limits();
        let former = self.bytes.swap(bytes, Relaxed);
        state.set_bytes(limits, self.caller, former, bytes);
        if former > bytes {
            state.grant_waiting(limits);
        }
    }

    /// Charges `bytes` in all, at least as many as before, and waits until they are within the limit. It may wait for ever, so give it a deadline;
    /// dropping the future stops the waiting, and the former charge stays. A permit reserves one thing at a time.
    pub async fn reserve(&self, priority: Priority, bytes: usize) {
        let (ticket, granted) = {
            let mut state = self.controller.state();
            let limits = self.controller.limits();
            let change = self.change(priority, bytes);
            // A large request does not overtake those that wait; a small one has bytes of its own.
            let may_try = bytes <= limits.large_bytes() || state.waiting.len() == 0;
            if may_try && state.try_charge(limits, change) {
                self.bytes.store(bytes, Relaxed);
                return;
            }
            let waiting = state.waiting.push(change);
            state.grant_waiting(limits);
            waiting
        };
        let _reservation = Reservation {
            permit: self,
            ticket,
            bytes,
        };
        // An error would mean that the queue is gone, and it lives as long as the permit.
        let _granted = granted.await;
    }

    fn change(&self, priority: Priority, bytes: usize) -> Change {
        Change {
            caller: self.caller,
            priority,
            former: self.bytes(),
            bytes,
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.controller.release(self.caller, *self.bytes.get_mut());
    }
}

/// A request that waits for bytes. When this is dropped the request has them, or does not wait any more.
struct Reservation<'a> {
    permit: &'a Permit,
    ticket: Ticket,
    bytes: usize,
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        let controller = &self.permit.controller;
        let mut state = controller.state();
        if state.waiting.remove(self.ticket) {
            // Those behind it may have waited for this one alone.
            state.grant_waiting(controller.limits());
        } else {
            self.permit.bytes.store(self.bytes, Relaxed);
        }
    }
}
