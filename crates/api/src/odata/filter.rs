//! `$filter`: read by recursive descent over tokens, with bounds on its length, depth and number of terms.

mod advice;
mod model;
mod parser;
mod token;

use flowruns_domain::query::{Filter, MAX_LISTED_VALUES};

pub(crate) use self::model::{Flows, Model, Runs};
use self::{parser::Parser, token::tokens};
use super::options::invalid;
use crate::error::ApiError;

/// The longest filter, in bytes: enough for the ids of the longest list.
const MAX_LENGTH: usize = MAX_LISTED_VALUES * 48;
/// How deep parentheses and `not` may nest.
const MAX_DEPTH: usize = 16;
/// The maximum number of values that are compared with, without those in lists.
const MAX_TERMS: usize = 100;

/// A syntax error of a filter, and the byte at which it begins.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct MalformedFilter {
    at: usize,
    message: String,
}

type Parsed<T> = Result<T, MalformedFilter>;

/// Reads a filter.
pub(crate) fn read_filter<M: Model>(text: &str) -> Result<Filter<M::Term>, ApiError> {
    parse::<M>(text).map_err(|malformed| {
        let before = text.get(..malformed.at).unwrap_or(text);
        let character = before.chars().count() + 1;
        let message = malformed.message;
        invalid("filter", format!("$filter, character {character}: {message}"))
    })
}

fn parse<M: Model>(text: &str) -> Parsed<Filter<M::Term>> {
    if text.len() > MAX_LENGTH {
        let message = format!("the filter is over {MAX_LENGTH} bytes; ask for less at once");
        return Err(MalformedFilter { at: 0, message });
    }
    let tokens = tokens(text)?;
    Parser::new(&tokens, text.len()).whole::<M>()
}

/// Joins several conditions; a single one is returned as it is.
fn joined<T>(mut parts: Vec<Filter<T>>, join: fn(Vec<Filter<T>>) -> Filter<T>) -> Filter<T> {
    match (parts.len(), parts.pop()) {
        (1, Some(part)) => part,
        (_, last) => {
            parts.extend(last);
            join(parts)
        }
    }
}

#[cfg(test)]
mod tests;
