//! JSON values and objects.

use std::{collections::BTreeMap, io, vec};

use serde::{Serialize, Serializer};

use super::number::Number;

/// A JSON value without duplicate members, without annotations (`@odata.type`, `rows@odata.type`) and without U+0000, with
/// normalised numbers.
#[derive(Clone, Debug, PartialEq)]
pub enum JsonValue {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number of 64 bits or a finite double.
    Number(Number),
    /// Any Unicode but U+0000.
    String(String),
    /// An array, kept as it was sent.
    Array(Vec<JsonValue>),
    /// An object, its members sorted by name.
    Object(JsonObject),
}

impl JsonValue {
    /// How many levels of objects and arrays this is deep; a scalar has none.
    pub fn depth(&self) -> usize {
        match self {
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) => 0,
            Self::Array(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
            Self::Object(object) => object.depth(),
        }
    }

    /// What a person calls this kind of value.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }

    /// The length in bytes as compact JSON.
    pub fn compact_length(&self) -> usize {
        compact_length(self)
    }
}

impl From<&str> for JsonValue {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl Serialize for JsonValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(number) => number.serialize(serializer),
            Self::String(text) => serializer.serialize_str(text),
            Self::Array(items) => items.serialize(serializer),
            Self::Object(object) => object.serialize(serializer),
        }
    }
}

pub(super) type Member = (String, JsonValue);

/// A JSON object. Members are sorted by name, since the database does not keep their order; and they lie in one piece of
/// memory, since most objects have few.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JsonObject(pub(super) Vec<Member>);

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

fn compact_length(value: &impl Serialize) -> usize {
    let mut counter = ByteCounter(0);
    // Neither the counter nor a JSON value can fail to be written.
    serde_json::to_writer(&mut counter, value).map_or(usize::MAX, |()| counter.0)
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
