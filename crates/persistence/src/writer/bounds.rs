//! How much may wait to be written: in number, and in bytes.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use flowruns_domain::{StoreError, StoreErrorKind};

/// Counts what waits and what is being written, of all writers of a store.
#[derive(Debug)]
pub(super) struct Bounds {
    most_items: usize,
    most_bytes: usize,
    items: AtomicUsize,
    bytes: AtomicUsize,
}

/// A place in the queue; it is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    bounds: Arc<Bounds>,
    bytes: usize,
}

impl Bounds {
    pub(super) const fn new(most_items: usize, most_bytes: usize) -> Self {
        Self {
            most_items,
            most_bytes,
            items: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
        }
    }

    /// How many wait or are being written, and their bytes.
    pub(super) fn taken(&self) -> (usize, usize) {
        (
            self.items.load(Ordering::Relaxed),
            self.bytes.load(Ordering::Relaxed),
        )
    }

    /// Takes a place, or says at once that there is none. What is larger than all the room may still go alone.
    pub(super) fn enter(self: &Arc<Self>, bytes: usize) -> Result<Place, StoreError> {
        let place = Place {
            bounds: Arc::clone(self),
            bytes,
        };
        let items = self.items.fetch_add(1, Ordering::Relaxed);
        let waiting = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let fits = items < self.most_items
            && (waiting == 0 || waiting.saturating_add(bytes) <= self.most_bytes);
        if fits {
            Ok(place)
        } else {
            Err(StoreError {
                kind: StoreErrorKind::Overloaded,
                source: None,
            })
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.bounds.items.fetch_sub(1, Ordering::Relaxed);
        self.bounds.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(bounds: &Arc<Bounds>, bytes: usize) -> bool {
        bounds
            .enter(bytes)
            .is_err_and(|error| error.kind == StoreErrorKind::Overloaded)
    }

    #[test]
    fn what_is_over_the_number_or_the_bytes_is_refused_until_a_place_is_free() {
        let bounds = Arc::new(Bounds::new(2, 100));
        let first = bounds.enter(60).unwrap();
        assert!(refused(&bounds, 41));
        let second = bounds.enter(40).unwrap();
        assert!(refused(&bounds, 0));
        drop((first, second));
        assert!(bounds.enter(100).is_ok());
    }

    #[test]
    fn what_is_larger_than_all_the_room_goes_alone() {
        let bounds = Arc::new(Bounds::new(2, 100));
        let large = bounds.enter(1000).unwrap();
        assert!(refused(&bounds, 1));
        drop(large);
        assert!(bounds.enter(1).is_ok());
    }
}
