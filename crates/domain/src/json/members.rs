//! The members of an object while it is parsed.

use std::{collections::BTreeMap, mem};

use crate::json::value::{JsonObject, JsonValue, Member};

/// The members that were read so far, in any order. Each new name is compared with them to find duplicates.
pub(super) enum Members {
    /// Up to [`Members::FEW`]: linear search is the fastest.
    Few(Vec<Member>),
    /// More than [`Members::FEW`].
    Many(BTreeMap<String, JsonValue>),
}

impl Members {
    const FEW: usize = 16;

    pub(super) fn contains(&self, name: &str) -> bool {
        match self {
            Self::Few(members) => members.iter().any(|(other, _)| other == name),
            Self::Many(members) => members.contains_key(name),
        }
    }

    /// Adds a member whose name is new.
    pub(super) fn add(&mut self, name: String, value: JsonValue) {
        match self {
            Self::Few(members) if members.len() < Self::FEW => members.push((name, value)),
            Self::Few(members) => {
                let all = mem::take(members).into_iter().chain([(name, value)]);
                *self = Self::Many(all.collect());
            }
            Self::Many(members) => {
                members.insert(name, value);
            }
        }
    }
}

impl Default for Members {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl From<Members> for JsonObject {
    fn from(members: Members) -> Self {
        match members {
            Members::Few(mut members) => {
                members.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
                // A vector has a capacity of at least four, and many objects have fewer members.
                members.shrink_to_fit();
                Self(members)
            }
            Members::Many(members) => Self(members.into_iter().collect()),
        }
    }
}
