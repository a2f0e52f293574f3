//! How many connections there may be, and who makes room when there are as many.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::activity::{Activity, Order};

/// Why a connection is refused.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Refused {
    /// Its address has as many connections as one may have.
    PeerHasEnough,
    /// There will be no more connections.
    Closed,
}

/// The connections.
pub(super) struct Room {
    size: u32,
    seats: Arc<Semaphore>,
    /// Of one address; 0: any number.
    per_peer: u64,
    guests: Mutex<Guests>,
    /// Whether one waits for a seat, so that whoever has nothing to do shall leave.
    is_wanted: AtomicBool,
}

#[derive(Default)]
struct Guests {
    next: u64,
    /// From the oldest to the newest.
    all: BTreeMap<u64, Arc<Activity>>,
    /// Those that had not sent a request when they were last looked at.
    newcomers: BTreeSet<u64>,
    by_peer: HashMap<IpAddr, u64>,
}

/// The place of one connection, which is free again when this is dropped.
pub(super) struct Seat {
    id: u64,
    peer: IpAddr,
    room: Arc<Room>,
    pub(super) activity: Arc<Activity>,
    _permit: OwnedSemaphorePermit,
}

impl Room {
    pub(super) fn new(size: u32, per_peer: u64) -> Arc<Self> {
        Arc::new(Self {
            size,
            seats: Arc::new(Semaphore::new(size as usize)),
            per_peer,
            guests: Mutex::default(),
            is_wanted: AtomicBool::new(false),
        })
    }

    fn guests(&self) -> MutexGuard<'_, Guests> {
        // Nothing panics while it is held.
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A seat, at once while there is one. Otherwise another connection is asked to leave, and this one waits until it has.
    pub(super) async fn seat(self: &Arc<Self>, peer: IpAddr) -> Result<Seat, Refused> {
        if self.per_peer > 0 && self.guests().of(peer) >= self.per_peer {
            return Err(Refused::PeerHasEnough);
        }
        let seats = Arc::clone(&self.seats);
        let permit = match Arc::clone(&seats).try_acquire_owned() {
            Ok(permit) => Ok(permit),
            Err(_full) => {
                // Before the search: one that has nothing to do just after it shall know.
                let wanted = Wanted::new(self);
                let _nobody = (!self.shed()).then_some(wanted);
                seats.acquire_owned().await
            }
        };
        let permit = permit.map_err(|_closed| Refused::Closed)?;
        let activity = Arc::new(Activity::new());
        let id = self.guests().add(peer, &activity);
        Ok(Seat {
            id,
            peer,
            room: Arc::clone(self),
            activity,
            _permit: permit,
        })
    }

    /// Asks one connection to leave: the oldest that has not sent a request yet, else the one that has idled longest.
    /// Where neither is there, the next that has nothing to do leaves by itself, if it is wanted.
    pub(super) fn shed(&self) -> bool {
        let victim = self.guests().dispensable();
        match victim {
            Some(activity) => {
                activity.order(Order::Leave);
                true
            }
            None => false,
        }
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.is_wanted.load(Ordering::Relaxed)
    }

    /// Lets every connection finish, and waits until the last is gone.
    pub(super) async fn drain(&self) {
        // Collected first: an order takes the lock of a connection, and none waits for both.
        let all: Vec<_> = self.guests().all.values().cloned().collect();
        for activity in all {
            activity.order(Order::Finish);
        }
        let _all_are_gone = self.seats.acquire_many(self.size).await;
    }
}

impl Guests {
    fn of(&self, peer: IpAddr) -> u64 {
        self.by_peer.get(&peer).copied().unwrap_or_default()
    }

    fn add(&mut self, peer: IpAddr, activity: &Arc<Activity>) -> u64 {
        let id = self.next;
        self.next += 1;
        self.all.insert(id, Arc::clone(activity));
        self.newcomers.insert(id);
        *self.by_peer.entry(peer).or_default() += 1;
        id
    }

    fn remove(&mut self, id: u64, peer: IpAddr) {
        self.all.remove(&id);
        self.newcomers.remove(&id);
        if let Some(count) = self.by_peer.get_mut(&peer) {
            *count -= 1;
            if *count == 0 {
                self.by_peer.remove(&peer);
            }
        }
    }

    fn dispensable(&mut self) -> Option<Arc<Activity>> {
        // Each connection is looked at here once, so that a flood of new ones costs no search.
        while let Some(id) = self.newcomers.pop_first() {
            if let Some(activity) = self.all.get(&id)
                && activity.has_not_asked()
            {
                return Some(Arc::clone(activity));
            }
        }
        let idle = self.all.values().filter_map(|activity| {
            let since = activity.idle_since()?;
            Some((since, activity))
        });
        idle.min_by_key(|(since, _)| *since)
            .map(|(_, activity)| Arc::clone(activity))
    }
}

/// That one waits for a seat, also when it gives up waiting.
struct Wanted<'a>(&'a Room);

impl<'a> Wanted<'a> {
    fn new(room: &'a Room) -> Self {
        room.is_wanted.store(true, Ordering::Relaxed);
        Self(room)
    }
}

impl Drop for Wanted<'_> {
    fn drop(&mut self) {
        self.0.is_wanted.store(false, Ordering::Relaxed);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.room.guests().remove(self.id, self.peer);
    }
}
