//! If-Match and If-None-Match: tags compared by their opaque part, weak or strong.

use axum::http::{HeaderMap, HeaderName, header};
use flowruns_domain::{EntityTag, IfMatch};

use crate::error::ApiError;

/// Reads If-Match; an absent one is `None`.
pub(super) fn if_match(headers: &HeaderMap) -> Result<Option<IfMatch>, ApiError> {
    sent_tags(headers, &header::IF_MATCH, "If-Match")
}

/// Reads If-None-Match; an absent one is `None`.
pub(super) fn if_none_match(headers: &HeaderMap) -> Result<Option<IfMatch>, ApiError> {
    sent_tags(headers, &header::IF_NONE_MATCH, "If-None-Match")
}

fn sent_tags(
    headers: &HeaderMap,
    name: &HeaderName,
    target: &str,
) -> Result<Option<IfMatch>, ApiError> {
    let mut values = Vec::new();
    for value in headers.get_all(name) {
        values.push(value.to_str().map_err(|_| malformed(target))?);
    }
    if values.is_empty() {
        Ok(None)
    } else {
        tags(&values.join(","), target).map(Some)
    }
}

/// Reads `*` or a list of tags, from the header or property `target`.
pub(crate) fn tags(text: &str, target: &str) -> Result<IfMatch, ApiError> {
    if text.trim() == "*" {
        return Ok(IfMatch::Any);
    }
    let mut tags = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let quoted = rest
            .strip_prefix("W/")
            .unwrap_or(rest)
            .strip_prefix('"')
            .ok_or_else(|| malformed(target))?;
        let (opaque, after) = quoted.split_once('"').ok_or_else(|| malformed(target))?;
        if !opaque.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(malformed(target));
        }
        tags.push(EntityTag::new(opaque));
        rest = match after.trim_start() {
            "" => "",
            after => after
                .strip_prefix(',')
                .ok_or_else(|| malformed(target))?
                .trim_start(),
        };
    }
    if tags.is_empty() {
        Err(malformed(target))
    } else {
        Ok(IfMatch::OneOf(tags))
    }
}

fn malformed(target: &str) -> ApiError {
    let message = format!(
        "{target} is * or a list of entity tags such as W/\"abc\"; send an ETag as it was answered"
    );
    ApiError::bad_request("malformedEntityTag", message).with_target(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_weak_or_strong_and_separated_by_commas() {
        let expected = IfMatch::OneOf(vec![EntityTag::new("a,b"), EntityTag::new("c")]);
        assert_eq!(tags("W/\"a,b\" , \"c\"", "If-Match").unwrap(), expected);
        assert_eq!(tags(" * ", "If-Match").unwrap(), IfMatch::Any);
    }

    #[test]
    fn malformed_tags_are_refused() {
        for text in [
            "",
            "abc",
            "\"a",
            "W/a",
            "w/\"a\"",
            "\"a\" \"b\"",
            "*, \"a\"",
            "\"a b\"",
            "\"a\";",
        ] {
            assert!(tags(text, "If-Match").is_err(), "{text}");
        }
    }
}
