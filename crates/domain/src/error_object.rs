//! publicError: what a run says about a critical failure.

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

/// A publicError that says something: code, message, target, details and innerError, none of them required.
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
    /// A [`Fault`] for each member that publicError does not have or that is of another type.
    pub fn new(mut members: JsonObject) -> Result<Self, Vec<Fault>> {
        let mut faults = Faults::default();
        check_error(
            &members,
            property::BLOCKING_ERROR,
            Nesting::Outer,
            &mut faults,
        );
        if !faults.is_empty() {
            return Err(faults.into_vec());
        }
        drop_nulls_of_details(&mut members);
        if let Some(JsonValue::Object(inner)) = members.get_mut(INNER_ERROR) {
            drop_nulls_of_details(inner);
        }
        Ok(Self(members))
    }

    /// Whether a member would get a value, so that the merged error cannot be empty.
    pub fn sets_a_value(&self) -> bool {
        self.0.iter().any(|(_, value)| says_something(value))
    }

    /// The stored error with this patch merged in; one that is empty then is none.
    ///
    /// # Errors
    ///
    /// A [`Fault`] when the merged error is over its limit.
    pub fn merged_into(&self, stored: Option<&PublicError>) -> Result<Option<PublicError>, Fault> {
        let mut members = stored.map(|error| error.0.clone()).unwrap_or_default();
        members.merge(&self.0);
        if members
            .get(INNER_ERROR)
            .is_some_and(|inner| !says_something(inner))
        {
            members.remove(INNER_ERROR);
        }
        if !says_something(&JsonValue::Object(members.clone())) {
            return Ok(None);
        }
        let length = members.compact_length();
        if length > PublicError::MAX_BYTES {
            let message = format!(
                "blockingError would be {length} bytes as compact JSON; at most {} are kept",
                PublicError::MAX_BYTES
            );
            return Err(Fault::new(
                Rule::BlockingErrorTooLarge,
                property::BLOCKING_ERROR,
                message,
            ));
        }
        Ok(Some(PublicError(members)))
    }
}

/// Whether a value holds more than nulls and empty arrays and objects.
fn says_something(value: &JsonValue) -> bool {
    match value {
        JsonValue::Null => false,
        JsonValue::Array(items) => !items.is_empty(),
        JsonValue::Object(members) => members.iter().any(|(_, member)| says_something(member)),
        JsonValue::Bool(_) | JsonValue::Number(_) | JsonValue::String(_) => true,
    }
}

/// An item of details is replaced whole, so a null in it is a member that it does not have.
fn drop_nulls_of_details(members: &mut JsonObject) {
    if let Some(JsonValue::Array(items)) = members.get_mut(DETAILS) {
        for item in items {
            if let JsonValue::Object(detail) = item {
                detail.retain(|value| *value != JsonValue::Null);
            }
        }
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
        let member_path = format!("{path}/{name}");
        match (name, value) {
            (DETAILS, JsonValue::Null) if nesting != Nesting::Detail => {}
            (DETAILS, JsonValue::Array(items)) if nesting != Nesting::Detail => {
                check_details(items, &member_path, faults);
            }
            (DETAILS, _) if nesting != Nesting::Detail => {
                faults.push_with(|| wrong_type(&member_path, "an array", value))
            }
            (INNER_ERROR, JsonValue::Null) if nesting == Nesting::Outer => {}
            (INNER_ERROR, JsonValue::Object(inner)) if nesting == Nesting::Outer => {
                check_error(inner, &member_path, Nesting::Inner, faults);
            }
            (INNER_ERROR, _) if nesting == Nesting::Outer => {
                faults.push_with(|| wrong_type(&member_path, "an object", value))
            }
            (text, JsonValue::Null | JsonValue::String(_)) if TEXTS.contains(&text) => {}
            (text, _) if TEXTS.contains(&text) => {
                faults.push_with(|| wrong_type(&member_path, "a string", value))
            }
            _ => faults.push_with(|| unknown(&member_path)),
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

fn unknown(path: &str) -> Fault {
    let message = format!(
        "{} is not a property of publicError; remove it, or put it into statistics",
        excerpt(path)
    );
    Fault::new(Rule::UnknownProperty, path, message)
}
