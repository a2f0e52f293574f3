//! The permit of an admitted request.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use crate::{
    AdmissionController, CallerId, Overloaded, Priority,
    state::{Change, Held},
    waiting::Ticket,
};

/// An admitted request and the bytes charged to it. Dropping it releases both.
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
        Self { controller, caller, held: Mutex::new(held) }
    }

    /// The bytes charged to the request.
    pub fn bytes(&self) -> usize {
        self.held().bytes
    }

    /// Changes the charge to `bytes` in total, if that is within the limits.
    ///
    /// # Errors
    ///
    /// [`Overloaded`]; then the charge stays as it was.
    pub fn charge(&self, bytes: usize) -> Result<(), Overloaded> {
        let priority = self.held().priority;
        self.reclassify(priority, bytes)
    }

    /// Changes the priority, and the charge to `bytes` in total, if that is within the limits.
    ///
    /// # Errors
    ///
    /// [`Overloaded`]; then priority and charge stay as they were.
    pub fn reclassify(&self, priority: Priority, bytes: usize) -> Result<(), Overloaded> {
        let to = Held { priority, bytes, is_above_limit: false };
        let mut state = self.controller.state();
        let limits = self.controller.limits();
        let held = state.try_change(limits, self.change_to(to));
        self.set_held(held.ok_or(Overloaded)?);
        state.grant_waiting(limits);
        Ok(())
    }

    /// Changes the charge to `bytes` in total, even above the limits: for bytes that are already in memory.
    pub fn set(&self, bytes: usize) {
        let mut state = self.controller.state();
        let limits = self.controller.limits();
        let held = self.held();
        let to = Held {
            bytes,
            is_above_limit: held.is_above_limit && bytes > limits.large_bytes(),
            ..held
        };
        state.change(self.change_to(to));
        self.set_held(to);
        state.grant_waiting(limits);
    }

    /// Increases the charge to `bytes` in total, and waits until that is within the limits.
    ///
    /// Requests wait in the order of arrival, but a request that is large already comes first, so that it can finish and
    /// release its bytes. One large request at a time is granted bytes above the limits. The wait has no time limit: give it a
    /// deadline. If the future is dropped, the charge stays as it was. A permit may have one reservation at a time.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use flowruns_admission::{AdmissionController, AdmissionLimits, CallerId, Priority};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let limits = AdmissionLimits { requests: 8, bytes: 1024 * 1024, caller_percent: 100 };
    /// let controller = AdmissionController::new(limits);
    /// // The size of the body is known after the headers; its bytes are reserved before it is read.
    /// let permit = controller.admit(CallerId::SHARED, Priority::Write, 0)?;
    /// tokio::time::timeout(Duration::from_secs(5), permit.reserve(48 * 1024)).await?;
    /// assert_eq!(controller.usage().bytes, 48 * 1024);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn reserve(&self, bytes: usize) {
        let mut reservation = {
            let mut state = self.controller.state();
            let limits = self.controller.limits();
            let change = self.change_to(Held { bytes, is_above_limit: false, ..self.held() });
            // A new large request must not overtake waiting ones; a small request uses bytes reserved for small ones.
            let has_large_charge = change.from.bytes > limits.large_bytes();
            let is_small = bytes <= limits.large_bytes();
            let may_try = is_small || has_large_charge || state.waiting.len() == 0;
            if may_try && let Some(held) = state.try_reserve(limits, change) {
                self.set_held(held);
                return;
            }
            let (ticket, granted) = state.waiting.push(change, has_large_charge);
            state.grant_waiting(limits);
            Reservation { permit: self, ticket, granted }
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
        Change { caller: self.caller, from: self.held(), to }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.controller.release(self.caller, self.held());
    }
}

/// A request that waits for bytes. Dropping this takes granted bytes over, or stops the wait.
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
            // Requests behind it may have waited only for this one.
            state.grant_waiting(controller.limits());
        } else if let Ok(held) = self.granted.try_recv() {
            // It was granted after the last poll of the future.
            self.permit.set_held(held);
        }
    }
}
