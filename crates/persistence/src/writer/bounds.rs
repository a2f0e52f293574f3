//! How much may wait to be written: in number, and in bytes.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use flowruns_domain::{StoreError, StoreErrorKind, Urgency};

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
    pub(super) fn enter(
        self: &Arc<Self>,
        bytes: usize,
        urgency: Urgency,
    ) -> Result<Place, StoreError> {
        let most_items = share(self.most_items, urgency);
        let most_bytes = share(self.most_bytes, urgency);
        let place = Place {
            bounds: Arc::clone(self),
            bytes,
        };
        let items = self.items.fetch_add(1, Ordering::Relaxed);
        let waiting = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let fits =
            items < most_items && (waiting == 0 || waiting.saturating_add(bytes) <= most_bytes);
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

/// The last quarter is kept for what ends a run; a queue of very few places keeps none.
const fn share(most: usize, urgency: Urgency) -> usize {
    match urgency {
        Urgency::Ordinary => most - most / 4,
        Urgency::EndsRun => most,
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
    use Urgency::{EndsRun, Ordinary};

    fn refused(bounds: &Arc<Bounds>, bytes: usize) -> bool {
        bounds
            .enter(bytes, EndsRun)
            .is_err_and(|error| error.kind == StoreErrorKind::Overloaded)
    }

    #[test]
    fn what_is_over_the_number_or_the_bytes_is_refused_until_a_place_is_free() {
        let bounds = Arc::new(Bounds::new(2, 100));
        let first = bounds.enter(60, EndsRun).unwrap();
        assert!(refused(&bounds, 41));
        let second = bounds.enter(40, EndsRun).unwrap();
        assert!(refused(&bounds, 0));
        drop((first, second));
        assert!(bounds.enter(100, EndsRun).is_ok());
    }

    #[test]
    fn what_is_larger_than_all_the_room_goes_alone() {
        let bounds = Arc::new(Bounds::new(2, 100));
        let large = bounds.enter(1000, Ordinary).unwrap();
        assert!(refused(&bounds, 1));
        drop(large);
        assert!(bounds.enter(1, EndsRun).is_ok());
    }

    #[test]
    fn the_last_quarter_is_kept_for_what_ends_a_run() {
        let bounds = Arc::new(Bounds::new(4, 100));
        let mut places: Vec<_> = (0..3)
            .map(|_| bounds.enter(10, Ordinary).unwrap())
            .collect();
        assert!(bounds.enter(0, Ordinary).is_err());
        places.push(bounds.enter(10, EndsRun).unwrap());
        assert!(refused(&bounds, 0));
        places.truncate(1);
        assert!(bounds.enter(66, Ordinary).is_err());
        assert!(bounds.enter(65, Ordinary).is_ok());
        assert!(bounds.enter(90, EndsRun).is_ok());
    }
}
