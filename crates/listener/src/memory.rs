//! The memory that all connections hold outside of the limits of the router: incomplete heads, the heads of requests in flight,
//! and short responses that clients do not read.

use std::sync::{Arc, atomic::Ordering};

use crate::{connection::ConnectionContext, handle::ConnectionHandle};

/// The budget of all connections. A few thousand requests in flight with their heads need less.
pub(crate) const BUDGET_BYTES: usize = 24 * 1024 * 1024;
/// The memory of a request without its head: its task, and the state of its stream.
pub(crate) const REQUEST_BYTES: usize = 4 * 1024;

/// Bytes of the budget that a connection holds until this is dropped.
pub(crate) struct MemoryCharge {
    context: Arc<ConnectionContext>,
    bytes: usize,
}

impl MemoryCharge {
    pub(crate) fn new(context: &Arc<ConnectionContext>, bytes: usize) -> Self {
        let mut charge = Self { context: Arc::clone(context), bytes: 0 };
        charge.set(bytes);
        charge
    }

    pub(crate) fn handle(&self) -> &ConnectionHandle {
        &self.context.handle
    }

    /// Changes the charge to this number of bytes. If all connections then exceed the budget, the one that holds most is closed.
    pub(crate) fn set(&mut self, bytes: usize) {
        let former = std::mem::replace(&mut self.bytes, bytes);
        let (own, all) = (&self.context.handle.held_bytes, &self.context.limiter.held_bytes);
        if bytes < former {
            own.fetch_sub(former - bytes, Ordering::Relaxed);
            all.fetch_sub(former - bytes, Ordering::Relaxed);
        } else if bytes > former {
            let added = bytes - former;
            own.fetch_add(added, Ordering::Relaxed);
            if all.fetch_add(added, Ordering::Relaxed) + added > BUDGET_BYTES {
                self.context.limiter.close_largest();
            }
        }
    }
}

impl Drop for MemoryCharge {
    fn drop(&mut self) {
        self.set(0);
    }
}
