//! Which connection is closed for another.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use tokio::time::Instant;

use super::activity::Activity;

/// The open connections, in the order in which they made progress.
///
/// Every connection stands in one of two sets, under the time at which it was known to have made progress last. That time
/// is brought up to date only when a connection is looked for, so that requests cost nothing here.
#[derive(Default)]
pub(super) struct Connections {
    next: u64,
    all: HashMap<u64, Entry>,
    /// Those that have not shown a valid token.
    anonymous: BTreeSet<(Instant, u64)>,
    authenticated: BTreeSet<(Instant, u64)>,
}

struct Entry {
    activity: Arc<Activity>,
    position: Instant,
    is_authenticated: bool,
}

impl Connections {
    pub(super) fn add(&mut self, activity: &Arc<Activity>) -> u64 {
        let id = self.next;
        self.next += 1;
        let position = Instant::now();
        self.anonymous.insert((position, id));
        let entry = Entry {
            activity: Arc::clone(activity),
            position,
            is_authenticated: false,
        };
        self.all.insert(id, entry);
        id
    }

    pub(super) fn remove(&mut self, id: u64) {
        if let Some(entry) = self.all.remove(&id) {
            self.set(entry.is_authenticated)
                .remove(&(entry.position, id));
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Activity>> {
        self.all.values().map(|entry| &entry.activity)
    }

    /// Counts a connection among the authenticated ones. Returns how many those are.
    pub(super) fn authenticate(&mut self, id: u64) -> usize {
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

    /// The connection that made no progress for longest; an authenticated one only if no other can be closed.
    pub(super) fn victim(&mut self) -> Option<Arc<Activity>> {
        self.oldest(false).or_else(|| self.oldest(true))
    }

    /// The authenticated connection that made no progress for longest.
    pub(super) fn authenticated_victim(&mut self) -> Option<Arc<Activity>> {
        self.oldest(true)
    }

    fn set(&mut self, is_authenticated: bool) -> &mut BTreeSet<(Instant, u64)> {
        match is_authenticated {
            true => &mut self.authenticated,
            false => &mut self.anonymous,
        }
    }

    /// Each busy connection that stands before the one that is found moves to the end, so that it is not looked at again
    /// for the next.
    fn oldest(&mut self, is_authenticated: bool) -> Option<Arc<Activity>> {
        let now = Instant::now();
        loop {
            let (position, id) = *self.set(is_authenticated).first()?;
            if position >= now {
                return None;
            }
            let entry = self.all.get_mut(&id)?;
            let since = entry.activity.evictable_since();
            if since.is_some_and(|since| since <= position) {
                return Some(Arc::clone(&entry.activity));
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

    use super::Connections;
    use crate::listen::{activity::Activity, state::Order};

    fn connect(connections: &mut Connections) -> (u64, Arc<Activity>) {
        let activity = Arc::new(Activity::new());
        (connections.add(&activity), activity)
    }

    /// Closes the next one, and returns its place in the list.
    fn evict(connections: &mut Connections, list: &[(u64, Arc<Activity>)]) -> Option<usize> {
        let victim = connections.victim()?;
        victim.order(Order::Evict);
        list.iter()
            .position(|(_, activity)| Arc::ptr_eq(activity, &victim))
    }

    #[test]
    fn the_connection_without_progress_for_longest_goes_first_and_authenticated_ones_last() {
        let mut connections = Connections::default();
        let list: Vec<_> = (0..5).map(|_| connect(&mut connections)).collect();
        let answer = |index: usize| {
            list[index].1.request_began(false);
            list[index].1.request_ended(false);
        };
        answer(1);
        list[0].1.request_began(false);
        list[2].1.authentication.confirm();
        assert_eq!(connections.authenticate(list[2].0), 1);
        // The beginning of a head is no progress.
        list[3].1.head_is_incomplete(true);
        let order: Vec<_> = (0..5).map(|_| evict(&mut connections, &list)).collect();
        assert_eq!(order, [Some(3), Some(4), Some(1), Some(2), None]);
        // The one that was busy is found when it has nothing to do.
        list[0].1.request_ended(false);
        assert_eq!(evict(&mut connections, &list), Some(0));
        assert_eq!(evict(&mut connections, &list), None);
    }

    #[test]
    fn a_connection_that_is_gone_is_forgotten() {
        let mut connections = Connections::default();
        let (first, _) = connect(&mut connections);
        let (second, _) = connect(&mut connections);
        connections.authenticate(second);
        connections.remove(first);
        connections.remove(second);
        assert!(connections.victim().is_none());
        assert!(connections.anonymous.is_empty() && connections.authenticated.is_empty());
    }
}
