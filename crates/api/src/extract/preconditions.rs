//! If-Match and If-None-Match: tags compared by their opaque part, weak or strong.

use axum::http::{HeaderMap, HeaderName, header};
use flowruns_domain::{
    json::JsonValue,
    version::{EntityTag, IfMatch, IfNoneMatch},
    violation::{Rule, RuleViolation},
};

use super::properties::text;
use crate::error::ApiError;

/// Reads If-Match; an absent one is `None`.
pub(super) fn if_match(headers: &HeaderMap) -> Result<Option<IfMatch>, ApiError> {
    let tags = sent_tags(headers, &header::IF_MATCH, "If-Match")?;
    Ok(tags.map(IfMatch::from))
}

/// Reads If-None-Match.
pub(super) fn if_none_match(headers: &HeaderMap) -> Result<IfNoneMatch, ApiError> {
    let tags = sent_tags(headers, &header::IF_NONE_MATCH, "If-None-Match")?;
    Ok(match tags {
        None => IfNoneMatch::Absent,
        Some(Tags::Any) => IfNoneMatch::Any,
        Some(Tags::OneOf(tags)) => IfNoneMatch::OneOf(tags),
    })
}

/// Reads a property that counts as If-Match.
pub(crate) fn entity_tags(value: JsonValue, name: &str) -> Result<IfMatch, Vec<RuleViolation>> {
    let tags = tags(&text(value, name)?).map(IfMatch::from);
    tags.ok_or_else(|| vec![RuleViolation::new(Rule::MalformedEntityTag, name, malformed(name))])
}

/// `*` or a list.
#[derive(Debug, PartialEq)]
enum Tags {
    Any,
    OneOf(Vec<EntityTag>),
}

impl From<Tags> for IfMatch {
    fn from(tags: Tags) -> Self {
        match tags {
            Tags::Any => Self::Any,
            Tags::OneOf(tags) => Self::OneOf(tags),
        }
    }
}

fn sent_tags(
    headers: &HeaderMap,
    name: &HeaderName,
    target: &str,
) -> Result<Option<Tags>, ApiError> {
    let rejected = || {
        let code = Rule::MalformedEntityTag.code();
        ApiError::bad_request(code, malformed(target)).with_target(target)
    };
    let mut values = Vec::new();
    for value in headers.get_all(name) {
        values.push(value.to_str().map_err(|_| rejected())?);
    }
    match values.is_empty() {
        true => Ok(None),
        false => tags(&values.join(",")).ok_or_else(rejected).map(Some),
    }
}

/// Reads `*` or a list of tags; `None` when it is neither.
fn tags(text: &str) -> Option<Tags> {
    if text.trim() == "*" {
        return Some(Tags::Any);
    }
    // RFC 9110, section 5.6.1: empty elements of a list are ignored.
    let is_between = |character: char| character == ',' || character.is_ascii_whitespace();
    let mut tags = Vec::new();
    let mut rest = text.trim_start_matches(is_between);
    while !rest.is_empty() {
        let quoted = rest.strip_prefix("W/").unwrap_or(rest).strip_prefix('"')?;
        let (opaque, after) = quoted.split_once('"')?;
        if !opaque.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        tags.push(EntityTag::new(opaque));
        rest = after.trim_start_matches(is_between);
        let separators = &after[..after.len() - rest.len()];
        if !rest.is_empty() && !separators.contains(',') {
            return None;
        }
    }
    (!tags.is_empty()).then_some(Tags::OneOf(tags))
}

fn malformed(target: &str) -> String {
    format!(
        "{target} is * or a list of entity tags such as W/\"abc\"; send an ETag as it was answered"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_weak_or_strong_and_separated_by_commas() {
        let expected = Tags::OneOf(vec![EntityTag::new("a,b"), EntityTag::new("c")]);
        assert_eq!(tags("W/\"a,b\" , \"c\""), Some(expected));
        assert_eq!(tags(" * "), Some(Tags::Any));
    }

    #[test]
    fn empty_elements_of_a_list_of_tags_are_ignored() {
        let one = || Some(Tags::OneOf(vec![EntityTag::new("a")]));
        for text in [",W/\"a\",", " , ,\"a\"", "\"a\" ,, ", "\"a\","] {
            assert_eq!(tags(text), one(), "{text}");
        }
        let two = Tags::OneOf(vec![EntityTag::new("a"), EntityTag::new("b")]);
        assert_eq!(tags("\"a\", ,W/\"b\""), Some(two));
        assert_eq!(tags(" , "), None);
    }

    #[test]
    fn malformed_tags_are_rejected() {
        for text in
            ["", "abc", "\"a", "W/a", "w/\"a\"", "\"a\" \"b\"", "*, \"a\"", "\"a b\"", "\"a\";"]
        {
            assert_eq!(tags(text), None, "{text}");
        }
    }
}
