//! How much memory a report or a creation holds while it waits in the queue.

use flowruns_domain::{
    json::{JsonObject, JsonValue},
    patch::{Field, Nullable},
    run::{RunPatch, RunProperties},
};

/// In bytes.
pub(super) fn of_patch(patch: &RunPatch) -> usize {
    let statistics = match &patch.statistics {
        Field::Value(members) => of_members(members),
        Field::Absent => 0,
    };
    let blocking_error = match &patch.blocking_error {
        Nullable::Value(error) => of_members(error.members()),
        Nullable::Absent | Nullable::Null => 0,
    };
    size_of::<RunPatch>() + statistics + blocking_error
}

/// In bytes.
pub(super) fn of_properties(properties: &RunProperties) -> usize {
    let blocking_error = properties.blocking_error.as_ref();
    size_of::<RunProperties>()
        + properties.statistics.text().len()
        + blocking_error.map_or(0, |error| of_members(error.members()))
}

fn of_members(object: &JsonObject) -> usize {
    let member = |(name, value): (&str, &JsonValue)| {
        size_of::<(String, JsonValue)>() + name.len() + of_content(value)
    };
    object.iter().map(member).sum()
}

/// What a value holds beyond its own size.
fn of_content(value: &JsonValue) -> usize {
    match value {
        JsonValue::Null | JsonValue::Bool(_) | JsonValue::Number(_) => 0,
        JsonValue::String(text) => text.len(),
        JsonValue::Array(items) => {
            let item = |item| size_of::<JsonValue>() + of_content(item);
            items.iter().map(item).sum()
        }
        JsonValue::Object(members) => of_members(members),
    }
}

#[cfg(test)]
mod tests {
    use flowruns_domain::json::parse_object;

    use super::*;

    fn of(json: &str) -> usize {
        of_members(&parse_object(json.as_bytes()).unwrap())
    }

    #[test]
    fn texts_and_values_are_counted_at_every_level() {
        let (member, item) = (size_of::<(String, JsonValue)>(), size_of::<JsonValue>());
        assert_eq!(of("{}"), 0);
        assert_eq!(of(r#"{"rows":1}"#), member + 4);
        assert_eq!(of(r#"{"a":{"b":"xyz"}}"#), 2 * member + 2 + 3);
        assert_eq!(of(r#"{"a":[1,"xyz"]}"#), member + 1 + 2 * item + 3);
    }
}
