//! Statistics: any value of serde that becomes a JSON object, checked before it is sent.

use std::{collections::BTreeMap, mem};

use flowruns_domain::{
    json::{InvalidDocument, JsonObject, JsonValue, parse_object},
    violation::RuleViolation,
};
use serde::Serialize;
use thiserror::Error;

/// Why statistics are not sent. Nothing of the call is kept.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StatisticsError {
    /// The value has no form in JSON, such as a map whose keys are not strings.
    #[error("the statistics cannot be serialised")]
    Unserializable(#[source] serde_json::Error),
    /// The JSON is no object, or has something that cannot be stored, such as U+0000 or an integer of more than 64 bits.
    #[error("the statistics cannot be stored")]
    Invalid(#[source] InvalidDocument),
    /// With what was reported before, they exceed 64 KiB as compact JSON or 16 levels.
    #[error("the statistics exceed a limit")]
    OverLimit(#[source] RuleViolation),
    /// The value of this call is too large, because it removes many members with null.
    #[error("the statistics of one call have {bytes} bytes; at most {limit} can be sent")]
    PatchTooLarge {
        /// Its size as compact JSON, in bytes.
        bytes: usize,
        /// The limit, in bytes.
        limit: usize,
    },
    /// Statistics wait that cannot be merged into one request: a member changed between an object and another value, or many members
    /// were removed. Call again later, or end the run: its end is always accepted.
    #[error("{limit} changes of statistics wait that cannot be merged; more cannot wait")]
    TooManyPatches {
        /// The number of requests that wait.
        limit: usize,
    },
    /// Too much waits to be sent, because the server is away or slow. Call again later, or end the run: its end is always
    /// accepted.
    #[error("{waiting} bytes of statistics wait to be sent; at most {limit} may")]
    QueueFull {
        /// What waits in all runs of the client, in bytes.
        waiting: usize,
        /// The limit, in bytes.
        limit: usize,
    },
}

/// The members of a value. `()` and null have none.
pub(crate) fn members_of(value: &impl Serialize) -> Result<JsonObject, StatisticsError> {
    let document = serde_json::to_vec(value).map_err(StatisticsError::Unserializable)?;
    if document == b"null" {
        return Ok(JsonObject::default());
    }
    parse_object(&document).map_err(StatisticsError::Invalid)
}

/// Combines two merge patches (RFC 7396) into one with the same effect as both in order. Returns false, and changes nothing, if
/// there is none: an object that follows a scalar or null of the same name replaces what is stored, which no single patch can say.
pub(crate) fn combine(first: &mut JsonObject, second: &JsonObject) -> bool {
    if !can_combine(first, second) {
        return false;
    }
    // A JSON object keeps its members in order, so inserting them one by one would move the others each time.
    let mut members: BTreeMap<_, _> = mem::take(first).into_iter().collect();
    for (name, value) in second.iter() {
        match (members.get_mut(name), value) {
            (Some(JsonValue::Object(inner)), JsonValue::Object(value)) => {
                combine(inner, value);
            }
            (Some(replaced), value) => *replaced = value.clone(),
            (None, value) => {
                members.insert(name.to_owned(), value.clone());
            }
        }
    }
    *first = members.into_iter().collect();
    true
}

fn can_combine(first: &JsonObject, second: &JsonObject) -> bool {
    second.iter().all(|(name, value)| match (first.get(name), value) {
        (Some(JsonValue::Object(first)), JsonValue::Object(second)) => can_combine(first, second),
        (Some(_), JsonValue::Object(_)) => false,
        _ => true,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn object(depth: u32) -> BoxedStrategy<JsonObject> {
        let leaf = prop_oneof![
            Just(JsonValue::Null),
            any::<bool>().prop_map(JsonValue::Bool),
            Just(JsonValue::from("x")),
            Just(JsonValue::Array(vec![JsonValue::Null])),
        ];
        let value = match depth {
            0 => leaf.boxed(),
            _ => prop_oneof![leaf, object(depth - 1).prop_map(JsonValue::Object)].boxed(),
        };
        let members = proptest::collection::vec(("[abc]", value), 0..4);
        members.prop_map(|members| members.into_iter().collect()).boxed()
    }

    proptest! {
        #[test]
        fn a_combined_patch_does_what_both_do(stored in object(2), first in object(2), second in object(2)) {
            let mut in_order = stored.clone();
            in_order.merge(&first);
            in_order.merge(&second);
            let mut combined = first.clone();
            if combine(&mut combined, &second) {
                let mut at_once = stored;
                at_once.merge(&combined);
                prop_assert_eq!(at_once, in_order);
            } else {
                prop_assert_eq!(combined, first);
            }
        }
    }

    #[test]
    fn a_combined_patch_of_many_members_does_what_both_do() {
        let wide = |from: u32, value: &serde_json::Value| {
            let members = (from..from + 200).map(|number| (number.to_string(), value.clone()));
            members_of(&members.collect::<serde_json::Map<_, _>>()).unwrap()
        };
        let first = wide(0, &serde_json::json!({"a": 1, "b": 1}));
        for value in [serde_json::json!({"a": 2}), serde_json::json!(null), serde_json::json!(3)] {
            let second = wide(100, &value);
            let mut in_order = JsonObject::default();
            in_order.merge(&first);
            in_order.merge(&second);
            let mut combined = first.clone();
            assert!(combine(&mut combined, &second));
            let mut at_once = JsonObject::default();
            at_once.merge(&combined);
            assert_eq!(at_once, in_order);
        }
    }

    #[test]
    fn patches_without_a_common_name_always_combine() {
        let mut first = members_of(&serde_json::json!({"a": 1, "b": {"c": null}})).unwrap();
        let second = members_of(&serde_json::json!({"b": {"d": 2}, "e": [1]})).unwrap();
        assert!(combine(&mut first, &second));
        let json = serde_json::to_string(&first).unwrap();
        assert_eq!(json, r#"{"a":1,"b":{"c":null,"d":2},"e":[1]}"#);
    }

    #[test]
    fn a_value_that_is_no_object_is_an_error_and_nothing_is_no_members() {
        assert!(members_of(&()).unwrap().is_empty());
        assert!(members_of(&None::<u8>).unwrap().is_empty());
        assert!(matches!(members_of(&7), Err(StatisticsError::Invalid(_))));
        assert!(matches!(members_of(&[7]), Err(StatisticsError::Invalid(_))));
        let text = serde_json::json!({"a": "\0"});
        assert!(matches!(members_of(&text), Err(StatisticsError::Invalid(_))));
        let huge = std::collections::BTreeMap::from([("a", u128::MAX)]);
        assert!(matches!(members_of(&huge), Err(StatisticsError::Invalid(_))));
        let keys = std::collections::BTreeMap::from([((1, 2), 3)]);
        assert!(matches!(members_of(&keys), Err(StatisticsError::Unserializable(_))));
    }
}
