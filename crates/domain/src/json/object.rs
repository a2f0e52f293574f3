//! JSON objects and their merge.

use std::{
    collections::{BTreeMap, btree_map},
    io,
};

use serde::{Serialize, Serializer};

use super::JsonValue;

/// A JSON object. Members are sorted by name, since the database does not keep their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JsonObject(BTreeMap<String, JsonValue>);

impl JsonObject {
    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of a member.
    pub fn get(&self, name: &str) -> Option<&JsonValue> {
        self.0.get(name)
    }

    /// Sets a member.
    pub fn insert(&mut self, name: impl Into<String>, value: JsonValue) {
        self.0.insert(name.into(), value);
    }

    /// Takes a member out.
    pub fn remove(&mut self, name: &str) -> Option<JsonValue> {
        self.0.remove(name)
    }

    /// The members in the order of their names.
    pub fn iter(&self) -> btree_map::Iter<'_, String, JsonValue> {
        self.0.iter()
    }

    /// Keeps the members for which `keep` is true.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&JsonValue) -> bool) {
        self.0.retain(|_, value| keep(value));
    }

    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut JsonValue> {
        self.0.get_mut(name)
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Merges a patch member by member, at every level: a null removes the member, an object merges
    /// into the object that is there, anything else replaces what is there (as RFC 7396 does).
    pub fn merge(&mut self, patch: &Self) {
        for (name, value) in patch.iter() {
            match value {
                JsonValue::Null => {
                    self.0.remove(name);
                }
                JsonValue::Object(inner) => self.member_object(name).merge(inner),
                other => {
                    self.0.insert(name.clone(), other.clone());
                }
            }
        }
    }

    /// The object at `name`; what else is there becomes an empty object.
    fn member_object(&mut self, name: &str) -> &mut Self {
        let member = self.0.entry(name.to_owned()).or_insert(JsonValue::Null);
        if !matches!(member, JsonValue::Object(_)) {
            *member = JsonValue::Object(Self::default());
        }
        match member {
            JsonValue::Object(object) => object,
            _ => unreachable!("the member was made an object just now"),
        }
    }

    /// How many levels of objects and arrays this is deep; the object itself is the first.
    pub fn depth(&self) -> usize {
        1 + self.0.values().map(JsonValue::depth).max().unwrap_or(0)
    }

    /// The length in bytes as compact JSON.
    pub fn compact_length(&self) -> usize {
        let mut counter = ByteCounter(0);
        // Neither the counter nor a JSON object can fail to be written.
        serde_json::to_writer(&mut counter, self).map_or(usize::MAX, |()| counter.0)
    }
}

impl FromIterator<(String, JsonValue)> for JsonObject {
    fn from_iter<I: IntoIterator<Item = (String, JsonValue)>>(members: I) -> Self {
        Self(members.into_iter().collect())
    }
}

impl IntoIterator for JsonObject {
    type Item = (String, JsonValue);
    type IntoIter = btree_map::IntoIter<String, JsonValue>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl Serialize for JsonObject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
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
