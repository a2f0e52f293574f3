//! What all connections hold in memory outside of the limits of the API: incomplete heads, heads of requests in flight, and
//! short responses that clients do not read.

use std::sync::{Arc, atomic::Ordering};

use super::{activity::Activity, room::Room};

/// For all connections. A few thousand requests in flight with their heads need less.
pub(super) const BUDGET_BYTES: usize = 24 * 1024 * 1024;
/// What a request takes beside its head: its task, and the state of its stream.
pub(super) const REQUEST_BYTES: usize = 4 * 1024;

/// Bytes that a connection holds of the budget until this is dropped.
pub(super) struct Charge {
    room: Arc<Room>,
    activity: Arc<Activity>,
    bytes: usize,
}

impl Charge {
    pub(super) fn new(room: &Arc<Room>, activity: &Arc<Activity>, bytes: usize) -> Self {
        let mut charge = Self {
            room: Arc::clone(room),
            activity: Arc::clone(activity),
            bytes: 0,
        };
        charge.set(bytes);
        charge
    }

    pub(super) const fn activity(&self) -> &Arc<Activity> {
        &self.activity
    }

    /// Makes it so many bytes.
    pub(super) fn set(&mut self, bytes: usize) {
        let (more, less) = (
            bytes.saturating_sub(self.bytes),
            self.bytes.saturating_sub(bytes),
        );
        self.bytes = bytes;
        let (own, all) = (&self.activity.charged, &self.room.charged);
        if less > 0 {
            own.fetch_sub(less, Ordering::Relaxed);
            all.fetch_sub(less, Ordering::Relaxed);
        }
        if more > 0 {
            own.fetch_add(more, Ordering::Relaxed);
            let charged = all.fetch_add(more, Ordering::Relaxed) + more;
            if charged > BUDGET_BYTES {
                self.room.release_largest();
            }
        }
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.set(0);
    }
}
