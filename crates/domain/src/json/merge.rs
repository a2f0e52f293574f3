//! The merge of JSON objects (RFC 7396).

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
}

/// The value after a patch; `None` if the patch removes it.
pub(crate) fn merged_value(former: Option<JsonValue>, patch: &JsonValue) -> Option<JsonValue> {
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
