//! JSON values in one normalised form, so that memory, response and database agree.

pub(crate) mod compact;
pub(crate) mod invalid_document;
pub(crate) mod members;
pub(crate) mod merge;
pub(crate) mod number;
pub(crate) mod parser;
pub(crate) mod value;
pub(crate) mod visitor;

pub use self::{
    invalid_document::InvalidDocument,
    number::Number,
    parser::parse_object,
    value::{JsonObject, JsonValue},
};
