//! The order in which connections are closed for new ones.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use tokio::time::Instant;

use crate::handle::ConnectionHandle;

/// The open connections, ordered by their last known progress.
///
/// The time of the last progress is updated only when a candidate is searched for, so that requests cost nothing here.
#[derive(Default)]
pub(crate) struct EvictionQueue {
    next_id: u64,
    all: HashMap<u64, QueueEntry>,
    /// Connections that have not carried a valid token.
    anonymous: BTreeSet<(Instant, u64)>,
    authenticated: BTreeSet<(Instant, u64)>,
}

struct QueueEntry {
    handle: Arc<ConnectionHandle>,
    position: Instant,
    is_authenticated: bool,
}

impl EvictionQueue {
    pub(crate) fn add(&mut self, handle: &Arc<ConnectionHandle>) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        let position = Instant::now();
        self.anonymous.insert((position, id));
        let entry = QueueEntry { handle: Arc::clone(handle), position, is_authenticated: false };
        self.all.insert(id, entry);
        id
    }

    pub(crate) fn remove(&mut self, id: u64) {
        if let Some(entry) = self.all.remove(&id) {
            self.set(entry.is_authenticated).remove(&(entry.position, id));
        }
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<ConnectionHandle>> {
        self.all.values().map(|entry| &entry.handle)
    }

    /// Marks a connection as authenticated. Returns the number of authenticated connections.
    pub(crate) fn authenticate(&mut self, id: u64) -> usize {
        if let Some(entry) = self.all.get_mut(&id)
            && !entry.is_authenticated
        {
            entry.is_authenticated = true;
            let position = (entry.position, id);
            self.anonymous.remove(&position);
            self.authenticated.insert(position);
        }
        self.authenticated.len()
    }

    /// The connection that has made no progress for longest; an authenticated one only if no other can be closed.
    pub(crate) fn candidate(&mut self) -> Option<Arc<ConnectionHandle>> {
        self.oldest(false).or_else(|| self.oldest(true))
    }

    /// The authenticated connection that has made no progress for longest.
    pub(crate) fn authenticated_candidate(&mut self) -> Option<Arc<ConnectionHandle>> {
        self.oldest(true)
    }

    fn set(&mut self, is_authenticated: bool) -> &mut BTreeSet<(Instant, u64)> {
        match is_authenticated {
            true => &mut self.authenticated,
            false => &mut self.anonymous,
        }
    }

    /// Connections before the result that are busy or have made progress move towards the end, so that the next search does
    /// not visit them again.
    fn oldest(&mut self, is_authenticated: bool) -> Option<Arc<ConnectionHandle>> {
        let now = Instant::now();
        loop {
            let (position, id) = *self.set(is_authenticated).first()?;
            if position >= now {
                return None;
            }
            let entry = self.all.get_mut(&id)?;
            let since = entry.handle.evictable_since();
            if since.is_some_and(|since| since <= position) {
                return Some(Arc::clone(&entry.handle));
            }
            entry.position = since.unwrap_or(now);
            let moved = (entry.position, id);
            let set = self.set(is_authenticated);
            set.remove(&(position, id));
            set.insert(moved);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::EvictionQueue;
    use crate::{handle::ConnectionHandle, state::CloseRequest};

    fn connect(queue: &mut EvictionQueue) -> (u64, Arc<ConnectionHandle>) {
        let handle = Arc::new(ConnectionHandle::new());
        (queue.add(&handle), handle)
    }

    /// Closes the next connection, and returns its index in the list.
    fn evict(queue: &mut EvictionQueue, list: &[(u64, Arc<ConnectionHandle>)]) -> Option<usize> {
        let candidate = queue.candidate()?;
        candidate.request_close(CloseRequest::Evict);
        list.iter().position(|(_, handle)| Arc::ptr_eq(handle, &candidate))
    }

    #[test]
    fn the_connection_without_progress_for_longest_is_first_and_authenticated_ones_are_last() {
        let mut queue = EvictionQueue::default();
        let list: Vec<_> = (0..5).map(|_| connect(&mut queue)).collect();
        let respond = |index: usize| {
            list[index].1.request_began(false);
            list[index].1.request_ended(false);
        };
        respond(1);
        list[0].1.request_began(false);
        list[2].1.authentication.confirm();
        assert_eq!(queue.authenticate(list[2].0), 1);
        // The beginning of a head is no progress.
        list[3].1.set_head_incomplete(true);
        let order: Vec<_> = (0..5).map(|_| evict(&mut queue, &list)).collect();
        assert_eq!(order, [Some(3), Some(4), Some(1), Some(2), None]);
        // The one that was busy is a candidate when it has become idle.
        list[0].1.request_ended(false);
        assert_eq!(evict(&mut queue, &list), Some(0));
        assert_eq!(evict(&mut queue, &list), None);
    }

    #[test]
    fn a_connection_that_has_ended_is_removed() {
        let mut queue = EvictionQueue::default();
        let (first, _) = connect(&mut queue);
        let (second, _) = connect(&mut queue);
        queue.authenticate(second);
        queue.remove(first);
        queue.remove(second);
        assert!(queue.candidate().is_none());
        assert!(queue.anonymous.is_empty() && queue.authenticated.is_empty());
    }
}
