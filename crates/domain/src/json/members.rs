//! The members of an object while it is parsed.

use std::{collections::BTreeMap, mem};

use super::value::{JsonObject, JsonValue, Member};

/// The members of an object as they are read: in any order, and each name is looked for among those before it.
pub(super) enum Members {
    /// A look at each is the fastest.
    Few(Vec<Member>),
    /// Beyond [`Members::FEW`].
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

    /// Adds a member that is not there yet.
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
                // Many small objects are kept for long, and room for four is the least that a list begins with.
                members.shrink_to_fit();
                Self(members)
            }
            Members::Many(members) => Self(members.into_iter().collect()),
        }
    }
}
