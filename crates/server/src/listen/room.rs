//! How many connections there may be, and which one is closed for another.
//!
//! The rule: for a new connection the server closes the one that made no progress for longest. Progress is to be accepted, or
//! a request that was complete and is answered; bytes of the next head are none. A connection that has shown a valid token is
//! closed only if there is no other to close, so clients without one cannot take its place. Connections that have shown one
//! cannot be all of them either: an eighth stays for others.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{activity::Activity, budget::BUDGET_BYTES, eviction::Connections, state::Order};

/// Of so many connections one is kept for clients that have not shown a token yet.
const RESERVE: u32 = 8;

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
    connections: Mutex<Connections>,
    by_peer: Mutex<HashMap<IpAddr, u64>>,
    /// Whether one waits for a seat, so that whoever has nothing to do shall leave.
    is_wanted: AtomicBool,
    /// Bytes that all connections hold of their budget.
    pub(super) charged: AtomicUsize,
}

/// The place of one connection, which is free again when this is dropped.
pub(super) struct Seat {
    pub(super) id: u64,
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
            connections: Mutex::default(),
            by_peer: Mutex::default(),
            is_wanted: AtomicBool::new(false),
            charged: AtomicUsize::new(0),
        })
    }

    fn connections(&self) -> MutexGuard<'_, Connections> {
        // Nothing panics while it is held.
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn by_peer(&self) -> MutexGuard<'_, HashMap<IpAddr, u64>> {
        self.by_peer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A seat, at once while there is one. Otherwise another connection is asked to leave, and this one waits until it has.
    pub(super) async fn seat(self: &Arc<Self>, peer: IpAddr) -> Result<Seat, Refused> {
        let of_peer = self.by_peer().get(&peer).copied().unwrap_or_default();
        if self.per_peer > 0 && of_peer >= self.per_peer {
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
        let id = self.connections().add(&activity);
        *self.by_peer().entry(peer).or_default() += 1;
        Ok(Seat {
            id,
            peer,
            room: Arc::clone(self),
            activity,
            _permit: permit,
        })
    }

    /// Asks one connection to leave. Where none can, the next that has nothing to do leaves by itself, if it is wanted.
    pub(super) fn shed(&self) -> bool {
        let victim = self.connections().victim();
        evict(victim)
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.is_wanted.load(Ordering::Relaxed)
    }

    /// Closes the connection that holds most bytes, unless enough of those that hold many are leaving already.
    pub(super) fn release_largest(&self) {
        let (mut staying, mut largest) = (0, None);
        for activity in self.connections().all() {
            if activity.is_leaving() {
                continue;
            }
            let charged = activity.charged();
            staying += charged;
            if largest.as_ref().is_none_or(|(most, _)| charged > *most) {
                largest = Some((charged, Arc::clone(activity)));
            }
        }
        if let Some((_, activity)) = largest
            && staying > BUDGET_BYTES
        {
            activity.order(Order::Release);
        }
    }

    /// Lets every connection finish, and waits until the last is gone.
    pub(super) async fn drain(&self) {
        // Collected first: an order takes the lock of a connection, and none waits for both.
        let all: Vec<_> = self.connections().all().cloned().collect();
        for activity in all {
            activity.order(Order::Finish);
        }
        let _all_are_gone = self.seats.acquire_many(self.size).await;
    }

    /// Counts a connection among the authenticated ones when it has shown a token for the first time. Whether it may stay:
    /// where those are too many, one of them that is idle is closed, else this one.
    pub(super) fn may_stay(&self, id: u64, activity: &Activity) -> bool {
        if !activity.is_newly_authenticated() {
            return true;
        }
        let mut connections = self.connections();
        let is_within = connections.authenticate(id) <= self.authenticated_limit();
        let victim = (!is_within).then(|| connections.authenticated_victim());
        drop(connections);
        victim.is_none_or(evict)
    }

    /// How many connections may be authenticated ones.
    const fn authenticated_limit(&self) -> usize {
        (self.size - self.size / RESERVE) as usize
    }
}

fn evict(victim: Option<Arc<Activity>>) -> bool {
    match victim {
        Some(activity) => {
            activity.order(Order::Evict);
            true
        }
        None => false,
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
        self.room.connections().remove(self.id);
        let mut by_peer = self.room.by_peer();
        if let Some(count) = by_peer.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                by_peer.remove(&self.peer);
            }
        }
    }
}
