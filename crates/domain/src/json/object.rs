//! JSON objects and their merge.

use std::{collections::BTreeMap, io, mem, vec};

use serde::{Serialize, Serializer};

use super::JsonValue;

type Member = (String, JsonValue);

/// A JSON object. Members are sorted by name, since the database does not keep their order; and they lie in one piece of
/// memory, since most objects have few.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JsonObject(Vec<Member>);

impl JsonObject {
    /// Whether there are no members.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of a member.
    pub fn get(&self, name: &str) -> Option<&JsonValue> {
        let place = self.place(name).ok()?;
        Some(&self.0[place].1)
    }

    /// Sets a member. A new one moves those behind it: collect an object of thousands instead.
    pub fn insert(&mut self, name: impl Into<String>, value: JsonValue) {
        let name = name.into();
        match self.place(&name) {
            Ok(place) => self.0[place].1 = value,
            Err(place) => self.0.insert(place, (name, value)),
        }
    }

    /// Takes a member out.
    pub fn remove(&mut self, name: &str) -> Option<JsonValue> {
        let place = self.place(name).ok()?;
        Some(self.0.remove(place).1)
    }

    /// The members in the order of their names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &JsonValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The names of this object and of another, in their order, each with its value here and there.
    pub(crate) fn beside<'a>(
        &'a self,
        other: &'a Self,
    ) -> impl Iterator<Item = (&'a str, Option<&'a JsonValue>, Option<&'a JsonValue>)> {
        let (mut ours, mut theirs) = (self.iter().peekable(), other.iter().peekable());
        std::iter::from_fn(move || {
            let name = match (ours.peek(), theirs.peek()) {
                (Some((one, _)), Some((other, _))) => one.min(other),
                (Some((one, _)), None) => one,
                (None, Some((other, _))) => other,
                (None, None) => return None,
            };
            let name = *name;
            let here = ours.next_if(|(one, _)| *one == name);
            let there = theirs.next_if(|(other, _)| *other == name);
            Some((
                name,
                here.map(|(_, value)| value),
                there.map(|(_, value)| value),
            ))
        })
    }

    /// Keeps the members for which `keep` is true; it may change them.
    pub(crate) fn retain_mut(&mut self, mut keep: impl FnMut(&mut JsonValue) -> bool) {
        self.0.retain_mut(|(_, value)| keep(value));
    }

    /// The values, to be changed in place.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut JsonValue> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    /// Where a member is, or would be.
    fn place(&self, name: &str) -> Result<usize, usize> {
        self.0
            .binary_search_by(|(member, _)| member.as_str().cmp(name))
    }

    /// Merges a patch member by member, at every level: a null removes the member, an object merges
    /// into the object that is there, anything else replaces what is there (as RFC 7396 does).
    pub fn merge(&mut self, patch: &Self) {
        let mut merged = Vec::with_capacity(self.0.len() + patch.0.len());
        let mut stored = mem::take(&mut self.0).into_iter().peekable();
        for (name, value) in &patch.0 {
            merged.extend(std::iter::from_fn(|| {
                stored.next_if(|(other, _)| other < name)
            }));
            let former = stored.next_if(|(other, _)| other == name);
            let value = merged_value(former.map(|(_, value)| value), value);
            merged.extend(value.map(|value| (name.clone(), value)));
        }
        merged.extend(stored);
        self.0 = merged;
    }

    /// How many levels of objects and arrays this is deep; the object itself is the first.
    pub fn depth(&self) -> usize {
        let depths = self.0.iter().map(|(_, value)| value.depth());
        1 + depths.max().unwrap_or(0)
    }

    /// The length in bytes as compact JSON.
    pub fn compact_length(&self) -> usize {
        compact_length(self)
    }
}

impl JsonValue {
    /// The length in bytes as compact JSON.
    pub fn compact_length(&self) -> usize {
        compact_length(self)
    }
}

fn compact_length(value: &impl Serialize) -> usize {
    let mut counter = ByteCounter(0);
    // Neither the counter nor a JSON value can fail to be written.
    serde_json::to_writer(&mut counter, value).map_or(usize::MAX, |()| counter.0)
}

/// What a patch makes of a value, if anything.
fn merged_value(former: Option<JsonValue>, patch: &JsonValue) -> Option<JsonValue> {
    match patch {
        JsonValue::Null => None,
        JsonValue::Object(patch) => {
            let mut object = match former {
                Some(JsonValue::Object(object)) => object,
                _ => JsonObject::default(),
            };
            object.merge(patch);
            Some(JsonValue::Object(object))
        }
        other => Some(other.clone()),
    }
}

/// Of several members of one name the last counts.
impl FromIterator<Member> for JsonObject {
    fn from_iter<I: IntoIterator<Item = Member>>(members: I) -> Self {
        let sorted: BTreeMap<_, _> = members.into_iter().collect();
        Self(sorted.into_iter().collect())
    }
}

impl IntoIterator for JsonObject {
    type Item = Member;
    type IntoIter = vec::IntoIter<Member>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl Serialize for JsonObject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

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

struct ByteCounter(usize);

impl io::Write for ByteCounter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
