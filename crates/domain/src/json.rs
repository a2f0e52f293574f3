//! JSON as runs hold it: normalised once, here, so that memory, answer and database agree.

mod document;
mod fault;
mod number;
mod object;
mod visitor;

use serde::{Serialize, Serializer};

pub use self::{
    document::parse_object, fault::InvalidDocument, number::Number, object::JsonObject,
};

/// A JSON value without duplicate members, without annotations (`@odata.type`, `rows@odata.type`) and without U+0000, with
/// normalised numbers.
#[derive(Clone, Debug, PartialEq)]
pub enum JsonValue {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number of 64 bits or a finite double.
    Number(Number),
    /// Any Unicode but U+0000.
    String(String),
    /// An array, kept as it was sent.
    Array(Vec<JsonValue>),
    /// An object, its members sorted by name.
    Object(JsonObject),
}

impl JsonValue {
    /// How many levels of objects and arrays this is deep; a scalar has none.
    pub fn depth(&self) -> usize {
        match self {
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) => 0,
            Self::Array(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
            Self::Object(object) => object.depth(),
        }
    }

    /// What a person calls this kind of value.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}

impl From<&str> for JsonValue {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl Serialize for JsonValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(number) => number.serialize(serializer),
            Self::String(text) => serializer.serialize_str(text),
            Self::Array(items) => items.serialize(serializer),
            Self::Object(object) => object.serialize(serializer),
        }
    }
}
