//! The controller: one lock around what is in use.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{
    AdmissionLimits, CallerId, Overloaded, Permit, Priority, Usage,
    state::{Held, State},
};

/// Admits requests within limits. See the [crate documentation](crate) for the rules.
#[derive(Debug)]
pub struct AdmissionController {
    limits: AdmissionLimits,
    state: Mutex<State>,
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
        self.state().usage()
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
            is_beyond: false,
        };
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

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a request out, and grants what waits for its bytes.
    pub(crate) fn release(&self, caller: CallerId, held: Held) {
        let mut state = self.state();
        state.remove(caller, held);
        state.grant_waiting(&self.limits);
    }
}
