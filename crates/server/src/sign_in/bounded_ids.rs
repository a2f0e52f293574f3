//! Ids that are remembered until they expire, within a limit: codes that were used, sessions that were ended.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use uuid::Uuid;

/// How many ids are remembered at the same time, at 24 bytes each.
const MAX_IDS: usize = 10_000;

/// A set of ids, each with its expiry in seconds since 1970.
#[derive(Default)]
pub(super) struct BoundedIds(Mutex<HashMap<Uuid, i64>>);

/// What became of an id that was added.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Added {
    New,
    Known,
    /// As many unexpired ids are remembered as may be, so this one is not.
    Full,
}

impl BoundedIds {
    /// Remembers an id until `expires_at`.
    pub(super) fn add(&self, id: Uuid, expires_at: i64, now: i64) -> Added {
        let mut ids = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ids.get(&id).is_some_and(|expires_at| *expires_at > now) {
            return Added::Known;
        }
        if ids.len() >= MAX_IDS {
            ids.retain(|_, expires_at| *expires_at > now);
        }
        if ids.len() >= MAX_IDS {
            return Added::Full;
        }
        ids.insert(id, expires_at);
        Added::New
    }

    pub(super) fn contains(&self, id: Uuid) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> Uuid {
        Uuid::from_u128(number as u128)
    }

    #[test]
    fn an_id_is_new_once() {
        let ids = BoundedIds::default();
        assert!(!ids.contains(id(1)));
        assert_eq!(ids.add(id(1), 100, 1), Added::New);
        assert_eq!(ids.add(id(1), 100, 99), Added::Known);
        assert_eq!(ids.add(id(2), 100, 99), Added::New);
        assert!(ids.contains(id(1)));
    }

    #[test]
    fn a_full_set_forgets_only_what_has_expired() {
        let ids = BoundedIds::default();
        for number in 0..MAX_IDS {
            let expires_at = if number < 10 { 50 } else { 100 };
            assert_eq!(ids.add(id(number), expires_at, 1), Added::New);
        }
        assert_eq!(ids.add(id(MAX_IDS), 100, 49), Added::Full);
        assert!(ids.contains(id(0)));
        assert_eq!(ids.add(id(MAX_IDS), 100, 50), Added::New);
        assert!(!ids.contains(id(0)) && ids.contains(id(10)));
    }
}
