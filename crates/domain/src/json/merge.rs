//! The merge of JSON objects (RFC 7396), and their comparison member by member.

use std::mem;

use crate::json::value::{JsonObject, JsonValue};

impl JsonObject {
    /// Merges a patch (RFC 7396): at every level, a null removes the member, an object is merged into the stored object, and any
    /// other value replaces the stored value.
    pub fn merge(&mut self, patch: &Self) {
        let mut merged = Vec::with_capacity(self.0.len() + patch.0.len());
        let mut stored = mem::take(&mut self.0).into_iter().peekable();
        for (name, value) in &patch.0 {
            merged.extend(std::iter::from_fn(|| stored.next_if(|(other, _)| other < name)));
            let former = stored.next_if(|(other, _)| other == name);
            let value = merged_value(former.map(|(_, value)| value), value);
            merged.extend(value.map(|value| (name.clone(), value)));
        }
        merged.extend(stored);
        self.0 = merged;
    }

    /// The names of the members of two objects, sorted, each with its value in this object and in the other.
    pub(crate) fn merge_join<'a>(
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
            let own_value = ours.next_if(|(one, _)| *one == name);
            let other_value = theirs.next_if(|(other, _)| *other == name);
            Some((name, own_value.map(|(_, value)| value), other_value.map(|(_, value)| value)))
        })
    }
}

/// The value after a patch; `None` if the patch removes it.
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
