//! JSON objects, compared with the objects of serde_json.

use flowruns_domain::json::{JsonObject, parse_object};
use proptest::{collection, prelude::*};
use serde_json::{Map, Value, json};

/// Few names, so that a patch often meets what is stored; and enough of them for every way of reading an object.
fn objects() -> impl Strategy<Value = Map<String, Value>> {
    let leaf = prop_oneof![
        Just(Value::Null),
        (0_u8..3).prop_map(Value::from),
        Just(json!([null, {"a": null}])),
    ];
    let value = leaf.prop_recursive(3, 40, 20, |inner| members(inner).prop_map(Value::Object));
    members(value)
}

fn members(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    let names = (0_u8..30).prop_map(|number| format!("m{number}"));
    collection::hash_map(names, value, 0..24).prop_map(|members| members.into_iter().collect())
}

/// The algorithm of RFC 7396.
fn merge_patch(target: Option<&Value>, patch: &Value) -> Value {
    let Value::Object(patch) = patch else {
        return patch.clone();
    };
    let mut merged = match target {
        Some(Value::Object(members)) => members.clone(),
        _ => Map::new(),
    };
    for (name, value) in patch {
        match value {
            Value::Null => drop(merged.remove(name)),
            value => drop(merged.insert(name.clone(), merge_patch(merged.get(name), value))),
        }
    }
    Value::Object(merged)
}

fn read(members: &Map<String, Value>) -> JsonObject {
    let text = Value::Object(members.clone()).to_string();
    parse_object(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The object as JSON. Checks that its members agree with it.
fn shown(object: &JsonObject) -> Value {
    let shown = serde_json::to_value(object).unwrap_or_else(|error| panic!("{error}"));
    let names: Vec<_> = object.iter().map(|(name, _)| name.to_owned()).collect();
    assert!(names.is_sorted_by(|one, other| one < other), "{names:?}");
    for name in &names {
        let member = serde_json::to_value(object.get(name)).ok();
        assert_eq!(member.as_ref(), shown.get(name), "{name}");
    }
    shown
}

proptest! {
    #[test]
    fn an_object_is_what_was_read(members in objects()) {
        let object = read(&members);
        prop_assert_eq!(shown(&object), Value::Object(members));
        let collected: JsonObject = object.clone().into_iter().rev().collect();
        prop_assert_eq!(collected, object);
    }

    #[test]
    fn a_merge_does_as_the_rfc_does(stored in objects(), patch in objects()) {
        let mut object = read(&stored);
        object.merge(&read(&patch));
        let merged = merge_patch(Some(&Value::Object(stored)), &Value::Object(patch));
        prop_assert_eq!(shown(&object), merged);
    }

    #[test]
    fn members_are_set_and_removed_one_by_one(
        stored in objects(), changes in collection::vec((0_u8..30, any::<bool>()), 0..40)
    ) {
        let (mut object, mut model) = (read(&stored), stored);
        for (number, is_set) in changes {
            let name = format!("m{number}");
            if is_set {
                object.insert(name.clone(), "x".into());
                model.insert(name, "x".into());
            } else {
                let removed = serde_json::to_value(object.remove(&name)).ok();
                prop_assert_eq!(removed, Some(model.remove(&name).unwrap_or_default()));
            }
        }
        prop_assert_eq!(shown(&object), Value::Object(model));
    }

    #[test]
    fn a_duplicate_name_is_rejected_at_its_position(count in 1_usize..40, first in 0_usize..40) {
        let first = first % count;
        let mut lines: Vec<_> = (0..count).map(|number| format!("\"m{number}\":{number}")).collect();
        lines.push(format!("\"m{first}\":0"));
        let document = format!("{{{}}}", lines.join(",\n"));
        let error = parse_object(document.as_bytes()).map_err(|error| (error.reason, error.line));
        prop_assert_eq!(error, Err((format!("duplicate member \"m{first}\"; send it once"), count + 1)));
    }
}
