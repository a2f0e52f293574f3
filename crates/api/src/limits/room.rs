//! What is under way in all: requests, and the memory that their bodies and answers hold.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use flowruns_domain::Urgency;

/// Who is refused first when much is under way.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Rank {
    /// A list or a count: it costs most, and can be asked again.
    List,
    /// Another read.
    Read,
    /// A write that ends no run.
    Write,
    /// A report that ends a run, or what may turn out to be one once it is read.
    EndsRun,
}

impl From<Urgency> for Rank {
    fn from(urgency: Urgency) -> Self {
        match urgency {
            Urgency::Ordinary => Self::Write,
            Urgency::EndsRun => Self::EndsRun,
        }
    }
}

impl Rank {
    /// How much of all the room may be taken, so that one of this rank still finds its place.
    const fn share(self, whole: usize) -> usize {
        match self {
            Self::List => whole / 4,
            Self::Read => whole / 2,
            Self::Write => whole - whole / 4,
            Self::EndsRun => whole,
        }
    }
}

/// Counts what is under way.
#[derive(Debug)]
pub(crate) struct Room {
    most_requests: usize,
    most_bytes: usize,
    requests: AtomicUsize,
    bytes: AtomicUsize,
}

/// There is no room.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Full;

/// The place of a request; it is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    room: Arc<Room>,
    bytes: AtomicUsize,
}

impl Room {
    pub(crate) const fn new(most_requests: usize, most_bytes: usize) -> Self {
        Self {
            most_requests,
            most_bytes,
            requests: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
        }
    }

    /// Takes a place, or says at once that there is none. What is larger than all the room may still go alone.
    pub(crate) fn enter(self: &Arc<Self>, rank: Rank, bytes: usize) -> Result<Place, Full> {
        self.requests.fetch_add(1, Relaxed);
        let place = Place {
            room: Arc::clone(self),
            bytes: AtomicUsize::new(0),
        };
        place.hold(bytes);
        place.check(rank).map(|()| place)
    }
}

impl Place {
    /// Whether there is room for it, its rank being this.
    pub(crate) fn check(&self, rank: Rank) -> Result<(), Full> {
        let room = &*self.room;
        let (own, all) = (self.bytes.load(Relaxed), room.bytes.load(Relaxed));
        let fits = room.requests.load(Relaxed) <= rank.share(room.most_requests).max(1)
            && (all <= own || all <= rank.share(room.most_bytes));
        fits.then_some(()).ok_or(Full)
    }

    /// Holds so many bytes from now on, whether there is room or not.
    pub(crate) fn hold(&self, bytes: usize) {
        let former = self.bytes.swap(bytes, Relaxed);
        if bytes >= former {
            self.room.bytes.fetch_add(bytes - former, Relaxed);
        } else {
            self.room.bytes.fetch_sub(former - bytes, Relaxed);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.room.requests.fetch_sub(1, Relaxed);
        self.room.bytes.fetch_sub(*self.bytes.get_mut(), Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter(room: &Arc<Room>, rank: Rank, bytes: usize) -> Option<Place> {
        room.enter(rank, bytes).ok()
    }

    #[test]
    fn lists_are_refused_first_then_reads_then_writes_and_ends_last() {
        let room = Arc::new(Room::new(8, 1000));
        let ranks = [Rank::List, Rank::Read, Rank::Write, Rank::EndsRun];
        let mut places = Vec::new();
        for rank in ranks {
            for _ in 0..2 {
                places.push(enter(&room, rank, 0).unwrap());
            }
            assert!(enter(&room, rank, 0).is_none(), "{rank:?}");
        }
        places.truncate(5);
        assert!(enter(&room, Rank::Read, 0).is_none());
        assert!(enter(&room, Rank::Write, 0).is_some());
    }

    #[test]
    fn bytes_are_shared_out_alike_and_free_again_when_their_request_is_done() {
        let room = Arc::new(Room::new(8, 1000));
        let first = enter(&room, Rank::EndsRun, 750).unwrap();
        assert!(first.check(Rank::Write).is_ok());
        let second = enter(&room, Rank::EndsRun, 250).unwrap();
        assert_eq!(second.check(Rank::Write), Err(Full));
        assert!(enter(&room, Rank::EndsRun, 1).is_none());
        first.hold(10);
        assert!(second.check(Rank::Write).is_ok());
        drop((first, second));
        assert_eq!(room.bytes.load(Relaxed), 0);
        assert_eq!(room.requests.load(Relaxed), 0);
    }

    #[test]
    fn what_is_larger_than_all_the_room_goes_alone() {
        let room = Arc::new(Room::new(8, 1000));
        let large = enter(&room, Rank::List, 5000).unwrap();
        assert!(enter(&room, Rank::EndsRun, 1).is_none());
        drop(large);
        assert!(enter(&room, Rank::EndsRun, 1).is_some());
    }
}
