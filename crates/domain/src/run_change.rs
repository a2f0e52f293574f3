//! The changed properties of a run, for its history.

use crate::{
    event::PropertyChange,
    json::{JsonObject, JsonValue},
    property,
    run::RunProperties,
};

/// What differs between two states of a run; without a former one, all that the later one holds.
pub(crate) fn changes_between(
    before: Option<&RunProperties>,
    after: &RunProperties,
) -> Vec<PropertyChange> {
    let mut changes = Vec::new();
    let former = before.map(shown);
    for (at, (name, value)) in shown(after).into_iter().enumerate() {
        let former = former
            .as_ref()
            .map_or(JsonValue::Null, |shown| shown[at].1.clone());
        push_if_changed(&mut changes, name.to_owned(), former, value);
    }
    let none = JsonObject::default();
    let former = before.map_or(&none, |properties| properties.statistics.members());
    push_member_changes(&mut changes, former, after.statistics.members());
    changes
}

fn shown(properties: &RunProperties) -> [(&'static str, JsonValue); 5] {
    let RunProperties {
        display_name,
        start,
        state,
        blocking_error,
        statistics: _,
    } = properties;
    let end = state
        .end()
        .map_or(JsonValue::Null, |end| JsonValue::String(end.to_string()));
    let error = blocking_error.as_ref().map_or(JsonValue::Null, |error| {
        JsonValue::Object(error.members().clone())
    });
    [
        (property::DISPLAY_NAME, display_name.as_str().into()),
        (
            property::START_DATE_TIME,
            JsonValue::String(start.to_string()),
        ),
        (property::END_DATE_TIME, end),
        (property::STATUS, state.status().as_str().into()),
        (property::BLOCKING_ERROR, error),
    ]
}

fn push_member_changes(changes: &mut Vec<PropertyChange>, before: &JsonObject, after: &JsonObject) {
    let kept_or_removed = before.iter().map(|(name, _)| name);
    let added = after
        .iter()
        .map(|(name, _)| name)
        .filter(|name| before.get(name).is_none());
    for name in kept_or_removed.chain(added) {
        let value = |members: &JsonObject| members.get(name).cloned().unwrap_or(JsonValue::Null);
        let path = format!("{}/{name}", property::STATISTICS);
        push_if_changed(changes, path, value(before), value(after));
    }
}

fn push_if_changed(
    changes: &mut Vec<PropertyChange>,
    property: String,
    before: JsonValue,
    after: JsonValue,
) {
    if before != after {
        changes.push(PropertyChange {
            property,
            before,
            after,
        });
    }
}
