//! The publicError of a run: the description of a critical failure.

use crate::{
    json::value::{JsonObject, JsonValue},
    property,
    text::excerpt,
    violation::{Rule, RuleViolation, Violations},
};

mod truncation;

const DETAILS: &str = "details";
const INNER_ERROR: &str = "innerError";
const TEXTS: [&str; 3] = ["code", "message", "target"];

/// A publicError with at least one value. It is an open type: code, message, target, details and innerError have a type, none of
/// them is required, and other members may have any value.
#[derive(Clone, Debug, PartialEq)]
pub struct PublicError(JsonObject);

/// Members to merge into a publicError. The types of the known members were checked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PublicErrorPatch(JsonObject);

impl PublicError {
    /// The maximum size, in bytes as compact JSON.
    pub const MAX_BYTES: usize = 64 * 1024;
    /// The maximum depth, in levels. The object itself is the first.
    pub const MAX_DEPTH: usize = 16;

    /// The members.
    pub const fn members(&self) -> &JsonObject {
        &self.0
    }

    /// A stored error. Types and limits were checked before it was stored.
    pub const fn from_stored(members: JsonObject) -> Self {
        Self(members)
    }
}

impl PublicErrorPatch {
    /// Checks the types of the known members.
    ///
    /// # Errors
    ///
    /// A [`RuleViolation`] for each known member of another type.
    pub fn new(members: JsonObject) -> Result<Self, Vec<RuleViolation>> {
        let mut violations = Violations::default();
        check_error(&members, property::BLOCKING_ERROR, Nesting::Outer, &mut violations);
        if violations.is_empty() { Ok(Self(members)) } else { Err(violations.into_vec()) }
    }

    /// The members to merge.
    pub const fn members(&self) -> &JsonObject {
        &self.0
    }

    /// Whether it sets a member to a value, so that the merged error is not empty.
    pub fn sets_a_value(&self) -> bool {
        self.0.iter().any(|(_, value)| has_value(value))
    }

    /// Merges this patch into the stored error. The result is `None` if it has no values. If it exceeds the limit in bytes, its
    /// longest strings are truncated.
    ///
    /// ```
    /// use flowruns_domain::{json::parse_object, run::{PublicError, PublicErrorPatch}};
    ///
    /// let report = format!(r#"{{"code": "io", "message": "{}"}}"#, "x".repeat(100_000));
    /// let report = PublicErrorPatch::new(parse_object(report.as_bytes())?).unwrap();
    /// let stored = report.merged_into(None)?.unwrap();
    /// assert_eq!(stored.members().compact_length(), PublicError::MAX_BYTES);
    /// assert!(serde_json::to_string(stored.members())?.ends_with("xxx… [cut, 100000 bytes]\"}"));
    /// assert_eq!(report.merged_into(Some(&stored))?, Some(stored));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A [`RuleViolation`] when the result differs from the stored error and exceeds a limit even with its strings truncated.
    pub fn merged_into(
        &self,
        stored: Option<&PublicError>,
    ) -> Result<Option<PublicError>, RuleViolation> {
        let stored = stored.map(|error| &error.0);
        let mut members = stored.cloned().unwrap_or_default();
        members.merge(&self.0);
        if stored == Some(&members) {
            return Ok(Some(PublicError(members)));
        }
        members.retain_mut(drop_empty);
        if members.is_empty() {
            return Ok(None);
        }
        let depth = members.depth();
        if depth > PublicError::MAX_DEPTH {
            return Err(too_deep(depth));
        }
        truncation::truncate(PublicError::MAX_BYTES, members, stored)
            .map(|members| Some(PublicError(members)))
            .map_err(too_large)
    }
}

/// Whether a value contains more than null members, empty arrays and empty objects.
fn has_value(value: &JsonValue) -> bool {
    match value {
        JsonValue::Null => false,
        JsonValue::Array(items) => {
            items.iter().any(|item| *item == JsonValue::Null || has_value(item))
        }
        JsonValue::Object(members) => members.iter().any(|(_, member)| has_value(member)),
        JsonValue::Bool(_) | JsonValue::Number(_) | JsonValue::String(_) => true,
    }
}

/// Drops null members, empty arrays and empty objects at every level. Returns whether the value itself is kept. A null in an array
/// is an item and is kept.
fn drop_empty(value: &mut JsonValue) -> bool {
    match value {
        JsonValue::Array(items) => {
            items.retain_mut(|item| *item == JsonValue::Null || drop_empty(item));
            !items.is_empty()
        }
        JsonValue::Object(members) => {
            members.retain_mut(drop_empty);
            !members.is_empty()
        }
        JsonValue::Null => false,
        JsonValue::Bool(_) | JsonValue::Number(_) | JsonValue::String(_) => true,
    }
}

/// The type of an object: publicError, publicInnerError or publicErrorDetail.
#[derive(Clone, Copy, PartialEq)]
enum Nesting {
    Outer,
    Inner,
    Detail,
}

fn check_error(members: &JsonObject, path: &str, nesting: Nesting, violations: &mut Violations) {
    for (name, value) in members.iter() {
        let member_path = || format!("{path}/{name}");
        match (name, value) {
            (DETAILS, JsonValue::Null) if nesting != Nesting::Detail => {}
            (DETAILS, JsonValue::Array(items)) if nesting != Nesting::Detail => {
                check_details(items, &member_path(), violations);
            }
            (DETAILS, _) if nesting != Nesting::Detail => {
                violations.push_with(|| wrong_type(&member_path(), "an array", value))
            }
            (INNER_ERROR, JsonValue::Null) if nesting == Nesting::Outer => {}
            (INNER_ERROR, JsonValue::Object(inner)) if nesting == Nesting::Outer => {
                check_error(inner, &member_path(), Nesting::Inner, violations);
            }
            (INNER_ERROR, _) if nesting == Nesting::Outer => {
                violations.push_with(|| wrong_type(&member_path(), "an object", value))
            }
            (text, JsonValue::Null | JsonValue::String(_)) if TEXTS.contains(&text) => {}
            (text, _) if TEXTS.contains(&text) => {
                violations.push_with(|| wrong_type(&member_path(), "a string", value))
            }
            _ => {}
        }
    }
}

fn check_details(items: &[JsonValue], path: &str, violations: &mut Violations) {
    for (index, item) in items.iter().enumerate() {
        let item_path = format!("{path}/{index}");
        match item {
            JsonValue::Object(detail) => {
                check_error(detail, &item_path, Nesting::Detail, violations)
            }
            other => violations.push_with(|| wrong_type(&item_path, "an object", other)),
        }
    }
}

fn wrong_type(path: &str, expected: &str, found: &JsonValue) -> RuleViolation {
    let message = format!("{} must be {expected}, not {}", excerpt(path), found.kind());
    RuleViolation::new(Rule::InvalidType, path, message)
}

fn too_deep(depth: usize) -> RuleViolation {
    let message = format!(
        "blockingError would be {depth} levels deep; at most {} are kept. Send less of it, or put it into one string",
        PublicError::MAX_DEPTH
    );
    RuleViolation::new(Rule::BlockingErrorTooDeep, property::BLOCKING_ERROR, message)
}

/// `least` is the size with all strings truncated, in bytes.
fn too_large(least: usize) -> RuleViolation {
    let message = format!(
        "blockingError would be {least} bytes as compact JSON even with its strings cut; at most {} are kept. Send fewer \
         members",
        PublicError::MAX_BYTES
    );
    RuleViolation::new(Rule::BlockingErrorTooLarge, property::BLOCKING_ERROR, message)
}
