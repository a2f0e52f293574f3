//! The differences between two versions of a run, for its history.

use crate::{
    json::value::JsonValue,
    property,
    run::{event::PropertyChange, properties::RunProperties},
};

/// The changed properties. Without `before`, all properties of `after` that have a value. The changes of statistics are known from
/// the merge.
pub(crate) fn changes_between(
    before: Option<&RunProperties>,
    after: &RunProperties,
    mut member_changes: Vec<PropertyChange>,
) -> Vec<PropertyChange> {
    // All fields are named, so that a new property does not compile until it is compared below.
    let RunProperties { display_name: _, start: _, state: _, blocking_error: _, statistics: _ } =
        after;
    let mut changes = Vec::new();
    let mut compare = |name: &str, value: fn(&RunProperties) -> JsonValue, differs: bool| {
        if differs {
            push_if_changed(&mut changes, name, before.map(value), value(after));
        }
    };
    // Values are compared before they are converted to JSON: most reports change none of these.
    let differs = |is_same: fn(&RunProperties, &RunProperties) -> bool| {
        before.is_none_or(|before| !is_same(before, after))
    };
    compare(
        property::DISPLAY_NAME,
        |of| of.display_name.as_str().into(),
        differs(|a, b| a.display_name == b.display_name),
    );
    compare(
        property::START_DATE_TIME,
        |of| JsonValue::String(of.start.to_string()),
        differs(|a, b| a.start == b.start),
    );
    compare(property::END_DATE_TIME, end_value, differs(|a, b| a.state == b.state));
    compare(
        property::STATUS,
        |of| of.state.status().as_str().into(),
        differs(|a, b| a.state == b.state),
    );
    compare(
        property::BLOCKING_ERROR,
        error_value,
        differs(|a, b| a.blocking_error == b.blocking_error),
    );
    changes.append(&mut member_changes);
    changes
}

fn end_value(properties: &RunProperties) -> JsonValue {
    let end = properties.state.end();
    end.map_or(JsonValue::Null, |end| JsonValue::String(end.to_string()))
}

fn error_value(properties: &RunProperties) -> JsonValue {
    let error = properties.blocking_error.as_ref();
    error.map_or(JsonValue::Null, |error| JsonValue::Object(error.members().clone()))
}

fn push_if_changed(
    changes: &mut Vec<PropertyChange>,
    property: &str,
    before: Option<JsonValue>,
    after: JsonValue,
) {
    let before = before.unwrap_or(JsonValue::Null);
    if before != after {
        changes.push(PropertyChange { property: property.to_owned(), before, after });
    }
}
