//! JSON as runs hold it: normalised once, here, so that memory, answer and database agree.

mod document;
mod fault;
mod members;
mod merge;
mod number;
mod value;
mod visitor;

pub use self::{
    document::parse_object,
    fault::InvalidDocument,
    number::Number,
    value::{JsonObject, JsonValue},
};
