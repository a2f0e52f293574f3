//! JSON values and objects.

use std::{collections::BTreeMap, io, vec};

use serde::{Serialize, Serializer};

use crate::json::number::Number;

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
    /// A string without U+0000.
    String(String),
    /// An array.
    Array(Vec<JsonValue>),
    /// An object, its members sorted by name.
    Object(JsonObject),
}

impl JsonValue {
    /// The depth in levels of objects and arrays. A scalar has depth 0.
    pub fn depth(&self) -> usize {
        match self {
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) => 0,
            Self::Array(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
            Self::Object(object) => object.depth(),
        }
    }

    /// The type of the value, for messages.
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

/// A member of an object.
pub(super) type Member = (String, JsonValue);

/// A JSON object. Its members are sorted by name, so that equal objects have equal texts. They are stored in a vector, since most
/// objects have few members.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JsonObject(pub(super) Vec<Member>);

impl JsonObject {
    /// Whether there are no members.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of a member.
    pub fn get(&self, name: &str) -> Option<&JsonValue> {
        let index = self.position(name).ok()?;
        Some(&self.0[index].1)
    }

    /// Sets a member. This moves all members after it, so use `collect` for an object with thousands of members.
    pub fn insert(&mut self, name: impl Into<String>, value: JsonValue) {
        let name = name.into();
        match self.position(&name) {
            Ok(index) => self.0[index].1 = value,
            Err(index) => self.0.insert(index, (name, value)),
        }
    }

    /// Removes a member and returns its value.
    pub fn remove(&mut self, name: &str) -> Option<JsonValue> {
        let index = self.position(name).ok()?;
        Some(self.0.remove(index).1)
    }

    /// The members, sorted by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &JsonValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Keeps the members for which `keep` returns true. It may change their values.
    pub(crate) fn retain_mut(&mut self, mut keep: impl FnMut(&mut JsonValue) -> bool) {
        self.0.retain_mut(|(_, value)| keep(value));
    }

    /// The values, mutable.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut JsonValue> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    /// The index of a member, or the index at which to insert it.
    fn position(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(member, _)| member.as_str().cmp(name))
    }

    /// The depth in levels of objects and arrays. The object itself is the first.
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
    // Writing a JSON value to the counter cannot fail.
    serde_json::to_writer(&mut counter, value).map_or(usize::MAX, |()| counter.0)
}

/// The last of several members with the same name is kept.
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
