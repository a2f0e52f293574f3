//! publicError: what a run says about a critical failure.

mod cut;

use crate::{
    excerpt::excerpt,
    faults::Faults,
    json::{JsonObject, JsonValue},
    property,
    rejection::{Fault, Rule},
};

const DETAILS: &str = "details";
const INNER_ERROR: &str = "innerError";
const TEXTS: [&str; 3] = ["code", "message", "target"];

/// A publicError that says something. It is an open type: code, message, target, details and innerError have a type, none
/// of them is required, and any other member is kept as it came.
///
/// It is kept as an object whose shape was checked, since it is merged, stored and shown as one.
#[derive(Clone, Debug, PartialEq)]
pub struct PublicError(JsonObject);

/// Members to merge into a publicError, of the right shape.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PublicErrorPatch(JsonObject);

impl PublicError {
    /// The most that is kept, in bytes as compact JSON.
    pub const MAX_BYTES: usize = 64 * 1024;
    /// The deepest that is kept, in levels; the object itself is the first.
    pub const MAX_DEPTH: usize = 16;

    /// The members.
    pub const fn members(&self) -> &JsonObject {
        &self.0
    }

    /// Takes what a store has kept; shape and limit were checked when it was merged.
    pub const fn from_stored(members: JsonObject) -> Self {
        Self(members)
    }
}

impl PublicErrorPatch {
    /// Checks the shape of a sent object.
    ///
    /// # Errors
    ///
    /// A [`Fault`] for each known member that is of another type.
    pub fn new(members: JsonObject) -> Result<Self, Vec<Fault>> {
        let mut faults = Faults::default();
        check_error(
            &members,
            property::BLOCKING_ERROR,
            Nesting::Outer,
            &mut faults,
        );
        if faults.is_empty() {
            Ok(Self(members))
        } else {
            Err(faults.into_vec())
        }
    }

    /// The members to merge.
    pub const fn members(&self) -> &JsonObject {
        &self.0
    }

    /// Whether a member would get a value, so that the merged error cannot be empty.
    pub fn sets_a_value(&self) -> bool {
        self.0.iter().any(|(_, value)| says_something(value))
    }

    /// The stored error with this patch merged in; one that is empty then is none, and one that is over the limit has its
    /// longest strings cut.
    ///
    /// ```
    /// use flowruns_domain::{PublicError, PublicErrorPatch, json::parse_object};
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
    /// A [`Fault`] when the merged error changed and is over a limit that cutting strings cannot help.
    pub fn merged_into(&self, stored: Option<&PublicError>) -> Result<Option<PublicError>, Fault> {
        let stored = stored.map(|error| &error.0);
        let mut members = stored.cloned().unwrap_or_default();
        members.merge(&self.0);
        if stored == Some(&members) {
            return Ok(Some(PublicError(members)));
        }
        members.retain_mut(drop_what_says_nothing);
        if members.is_empty() {
            return Ok(None);
        }
        let depth = members.depth();
        if depth > PublicError::MAX_DEPTH {
            return Err(too_deep(depth));
        }
        cut::within(PublicError::MAX_BYTES, members, stored)
            .map(|members| Some(PublicError(members)))
            .map_err(too_large)
    }
}

/// Whether a value holds more than null members and empty arrays and objects.
fn says_something(value: &JsonValue) -> bool {
    match value {
        JsonValue::Null => false,
        JsonValue::Array(items) => items
            .iter()
            .any(|item| *item == JsonValue::Null || says_something(item)),
        JsonValue::Object(members) => members.iter().any(|(_, member)| says_something(member)),
        JsonValue::Bool(_) | JsonValue::Number(_) | JsonValue::String(_) => true,
    }
}

/// Drops null members, empty arrays and empty objects at every level; whether the value itself stays. A null in an array
/// is an item, and stays.
fn drop_what_says_nothing(value: &mut JsonValue) -> bool {
    match value {
        JsonValue::Array(items) => {
            items.retain_mut(|item| *item == JsonValue::Null || drop_what_says_nothing(item));
            !items.is_empty()
        }
        JsonValue::Object(members) => {
            members.retain_mut(drop_what_says_nothing);
            !members.is_empty()
        }
        JsonValue::Null => false,
        JsonValue::Bool(_) | JsonValue::Number(_) | JsonValue::String(_) => true,
    }
}

/// Which of the three shapes an object has: publicError, publicInnerError or publicErrorDetail.
#[derive(Clone, Copy, PartialEq)]
enum Nesting {
    Outer,
    Inner,
    Detail,
}

fn check_error(members: &JsonObject, path: &str, nesting: Nesting, faults: &mut Faults) {
    for (name, value) in members.iter() {
        let member_path = || format!("{path}/{name}");
        match (name, value) {
            (DETAILS, JsonValue::Null) if nesting != Nesting::Detail => {}
            (DETAILS, JsonValue::Array(items)) if nesting != Nesting::Detail => {
                check_details(items, &member_path(), faults);
            }
            (DETAILS, _) if nesting != Nesting::Detail => {
                faults.push_with(|| wrong_type(&member_path(), "an array", value))
            }
            (INNER_ERROR, JsonValue::Null) if nesting == Nesting::Outer => {}
            (INNER_ERROR, JsonValue::Object(inner)) if nesting == Nesting::Outer => {
                check_error(inner, &member_path(), Nesting::Inner, faults);
            }
            (INNER_ERROR, _) if nesting == Nesting::Outer => {
                faults.push_with(|| wrong_type(&member_path(), "an object", value))
            }
            (text, JsonValue::Null | JsonValue::String(_)) if TEXTS.contains(&text) => {}
            (text, _) if TEXTS.contains(&text) => {
                faults.push_with(|| wrong_type(&member_path(), "a string", value))
            }
            _ => {}
        }
    }
}

fn check_details(items: &[JsonValue], path: &str, faults: &mut Faults) {
    for (index, item) in items.iter().enumerate() {
        let item_path = format!("{path}/{index}");
        match item {
            JsonValue::Object(detail) => check_error(detail, &item_path, Nesting::Detail, faults),
            other => faults.push_with(|| wrong_type(&item_path, "an object", other)),
        }
    }
}

fn wrong_type(path: &str, expected: &str, found: &JsonValue) -> Fault {
    let message = format!("{} must be {expected}, not {}", excerpt(path), found.kind());
    Fault::new(Rule::InvalidType, path, message)
}

fn too_deep(depth: usize) -> Fault {
    let message = format!(
        "blockingError would be {depth} levels deep; at most {} are kept. Send less of it, or put it into one string",
        PublicError::MAX_DEPTH
    );
    Fault::new(
        Rule::BlockingErrorTooDeep,
        property::BLOCKING_ERROR,
        message,
    )
}

/// The `least` that the error can be cut to, in bytes.
fn too_large(least: usize) -> Fault {
    let message = format!(
        "blockingError would be {least} bytes as compact JSON even with its strings cut; at most {} are kept. Send fewer \
         members",
        PublicError::MAX_BYTES
    );
    Fault::new(
        Rule::BlockingErrorTooLarge,
        property::BLOCKING_ERROR,
        message,
    )
}
