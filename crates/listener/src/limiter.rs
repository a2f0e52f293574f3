//! The connection limit, and which connection is closed for a new one.
//!
//! For a new connection the server closes the one that has made no progress for longest. Being accepted is progress, and so is a
//! request that was complete and has been answered; the first bytes of the next head are not. A connection that has carried a
//! valid token is closed only if no other can be closed, so clients without a token cannot displace it. Such connections are at
//! most seven eighths of all, so they cannot lock out new clients either.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::{
    eviction::EvictionQueue, handle::ConnectionHandle, memory::BUDGET_BYTES, state::CloseRequest,
};

/// One of this number of connections is reserved for clients that have not sent a valid token yet.
const RESERVED_SHARE: u32 = 8;

/// Why a connection is not accepted.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum LimitError {
    /// Its address has as many connections as one address may have.
    PeerLimitReached,
    /// The server is shutting down.
    Closed,
}

pub(crate) struct ConnectionLimiter {
    max_connections: u32,
    permits: Arc<Semaphore>,
    /// Of one address; 0 means no limit.
    max_per_peer: u64,
    queue: Mutex<EvictionQueue>,
    by_peer: Mutex<HashMap<IpAddr, u64>>,
    /// A new connection waits for a permit and none could be evicted: the next idle connection closes itself.
    has_waiter: AtomicBool,
    /// Bytes of the memory budget that all connections hold.
    pub(crate) held_bytes: AtomicUsize,
    is_draining: watch::Sender<bool>,
}

/// Permits one connection until this is dropped.
pub(crate) struct ConnectionPermit {
    pub(crate) id: u64,
    peer: IpAddr,
    limiter: Arc<ConnectionLimiter>,
    pub(crate) handle: Arc<ConnectionHandle>,
    _permit: OwnedSemaphorePermit,
}

impl ConnectionLimiter {
    pub(crate) fn new(max_connections: u32, max_per_peer: u64) -> Arc<Self> {
        Arc::new(Self {
            max_connections,
            permits: Arc::new(Semaphore::new(max_connections as usize)),
            max_per_peer,
            queue: Mutex::default(),
            by_peer: Mutex::default(),
            has_waiter: AtomicBool::new(false),
            held_bytes: AtomicUsize::new(0),
            is_draining: watch::Sender::new(false),
        })
    }

    fn queue(&self) -> MutexGuard<'_, EvictionQueue> {
        // No code panics while it holds the lock.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn by_peer(&self) -> MutexGuard<'_, HashMap<IpAddr, u64>> {
        self.by_peer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Acquires a permit. When all are in use, another connection is evicted, and this call waits until it has ended.
    pub(crate) async fn acquire(
        self: &Arc<Self>,
        peer: IpAddr,
    ) -> Result<ConnectionPermit, LimitError> {
        let of_peer = self.by_peer().get(&peer).copied().unwrap_or_default();
        if self.max_per_peer > 0 && of_peer >= self.max_per_peer {
            return Err(LimitError::PeerLimitReached);
        }
        let permits = Arc::clone(&self.permits);
        let permit = match Arc::clone(&permits).try_acquire_owned() {
            Ok(permit) => Ok(permit),
            Err(_none_left) => {
                // Set before the search, so that a connection that becomes idle just after it closes itself.
                let waiter = WaiterGuard::new(self);
                let _waiter = (!self.evict_one()).then_some(waiter);
                permits.acquire_owned().await
            }
        };
        let permit = permit.map_err(|_closed| LimitError::Closed)?;
        let handle = Arc::new(ConnectionHandle::new());
        let id = self.queue().add(&handle);
        *self.by_peer().entry(peer).or_default() += 1;
        Ok(ConnectionPermit { id, peer, limiter: Arc::clone(self), handle, _permit: permit })
    }

    /// Tells one connection to close. Returns whether one could be found.
    pub(crate) fn evict_one(&self) -> bool {
        let candidate = self.queue().candidate();
        evict(candidate)
    }

    pub(crate) fn has_waiter(&self) -> bool {
        self.has_waiter.load(Ordering::Relaxed)
    }

    /// Closes the connection that holds most memory, unless those that are closing already free enough.
    pub(crate) fn close_largest(&self) {
        let (mut remaining, mut largest) = (0, None);
        for handle in self.queue().all() {
            if handle.is_closing() {
                continue;
            }
            let held = handle.held_bytes.load(Ordering::Relaxed);
            remaining += held;
            if largest.as_ref().is_none_or(|(most, _)| held > *most) {
                largest = Some((held, Arc::clone(handle)));
            }
        }
        if let Some((_, handle)) = largest
            && remaining > BUDGET_BYTES
        {
            handle.request_close(CloseRequest::FreeMemory);
        }
    }

    /// Lets every connection finish its requests, and waits until the last one has ended.
    pub(crate) async fn drain(&self) {
        self.is_draining.send_replace(true);
        // Collected first, so that no thread holds this lock and the lock of a connection at once.
        let all: Vec<_> = self.queue().all().cloned().collect();
        for handle in all {
            handle.request_close(CloseRequest::Graceful);
        }
        let _all_ended = self.permits.acquire_many(self.max_connections).await;
    }

    /// Waits until the drain begins.
    pub(crate) fn draining(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut is_draining = self.is_draining.subscribe();
        async move {
            let _begun = is_draining.wait_for(|is_draining| *is_draining).await;
        }
    }

    /// Counts a connection as authenticated when a request of it has carried a valid token for the first time. Returns whether
    /// it may stay: if there are too many authenticated connections, an idle one of them is evicted, otherwise this one ends.
    pub(crate) fn may_stay(&self, id: u64, handle: &ConnectionHandle) -> bool {
        if !handle.is_newly_authenticated() {
            return true;
        }
        let mut queue = self.queue();
        let is_within_limit = queue.authenticate(id) <= self.max_authenticated();
        let candidate = (!is_within_limit).then(|| queue.authenticated_candidate());
        drop(queue);
        candidate.is_none_or(evict)
    }

    const fn max_authenticated(&self) -> usize {
        (self.max_connections - self.max_connections / RESERVED_SHARE) as usize
    }
}

fn evict(candidate: Option<Arc<ConnectionHandle>>) -> bool {
    match candidate {
        Some(handle) => {
            handle.request_close(CloseRequest::Evict);
            true
        }
        None => false,
    }
}

/// Sets [`ConnectionLimiter::has_waiter`] until it is dropped, also when the waiting future is cancelled.
struct WaiterGuard<'a>(&'a ConnectionLimiter);

impl<'a> WaiterGuard<'a> {
    fn new(limiter: &'a ConnectionLimiter) -> Self {
        limiter.has_waiter.store(true, Ordering::Relaxed);
        Self(limiter)
    }
}

impl Drop for WaiterGuard<'_> {
    fn drop(&mut self) {
        self.0.has_waiter.store(false, Ordering::Relaxed);
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.limiter.queue().remove(self.id);
        let mut by_peer = self.limiter.by_peer();
        if let Some(count) = by_peer.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                by_peer.remove(&self.peer);
            }
        }
    }
}
