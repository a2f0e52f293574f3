//! The controller: a mutex around the usage.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{
    AdmissionLimits, CallerId, Overloaded, Permit, Priority, Usage,
    state::{AdmissionState, Held},
};

/// Admits requests within limits. See the [crate documentation](crate) for the rules.
#[derive(Debug)]
pub struct AdmissionController {
    limits: AdmissionLimits,
    state: Mutex<AdmissionState>,
}

impl AdmissionController {
    /// A controller with no requests in progress.
    pub fn new(limits: AdmissionLimits) -> Arc<Self> {
        Arc::new(Self { limits, state: Mutex::default() })
    }

    /// The requests in progress of all callers, and their bytes.
    pub fn usage(&self) -> Usage {
        self.state().usage()
    }

    /// The number of requests that wait for bytes.
    pub fn waiting(&self) -> usize {
        self.state().waiting.len()
    }

    /// Admits a request and charges `bytes` to it, or rejects it at once.
    ///
    /// # Errors
    ///
    /// [`Overloaded`]; then the request is not counted.
    pub fn admit(
        self: &Arc<Self>,
        caller: CallerId,
        priority: Priority,
        bytes: usize,
    ) -> Result<Permit, Overloaded> {
        let held = Held { priority, bytes, is_above_limit: false };
        let mut state = self.state();
        match state.try_add(&self.limits, caller, held) {
            Some(held) => {
                drop(state);
                Ok(Permit::new(Arc::clone(self), caller, held))
            }
            None => Err(Overloaded),
        }
    }

    pub(crate) const fn limits(&self) -> &AdmissionLimits {
        &self.limits
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, AdmissionState> {
        // No code panics while the lock is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes a request, and grants its bytes to waiting requests.
    pub(crate) fn release(&self, caller: CallerId, held: Held) {
        let mut state = self.state();
        state.remove(caller, held);
        state.grant_waiting(&self.limits);
    }
}
