//! The media types of a request: a body is plain JSON (415), and the response is JSON or a plain number (406).

use axum::http::{HeaderMap, Method, header};

use super::body_kind::BodyKind;
use crate::error::ApiError;

/// The media type of nearly every response.
const JSON: &str = "application/json";
const HTML: &str = "text/html";
const TEXT: &str = "text/plain";

/// Checks Content-Encoding and Content-Type, then Accept.
pub(super) fn check_media_types(
    method: &Method,
    headers: &HeaderMap,
    kind: BodyKind,
) -> Result<(), ApiError> {
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err(ApiError::unsupported_encoding(method));
    }
    if matches!(kind, BodyKind::Json | BodyKind::Batch) && !is_json(headers) {
        return Err(ApiError::unsupported_media_type(method));
    }
    let is_accepted = match kind {
        BodyKind::Text => accepts(headers, TEXT) || accepts(headers, JSON),
        BodyKind::None | BodyKind::List | BodyKind::Json | BodyKind::Batch => {
            accepts(headers, JSON)
        }
    };
    match is_accepted {
        true => Ok(()),
        false if kind == BodyKind::Text => Err(ApiError::not_acceptable(TEXT)),
        false => Err(ApiError::not_acceptable(JSON)),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let media_type = value.to_str().ok().and_then(|value| value.split(';').next());
    media_type.is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case(JSON))
}

/// Whether the client accepts a media type: the most specific range that covers it decides, and an Accept without any range
/// accepts everything.
fn accepts(headers: &HeaderMap, media_type: &str) -> bool {
    let values = headers.get_all(header::ACCEPT).iter();
    let ranges = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|range| !range.is_empty());
    let mut has_ranges = false;
    let mut decisive: Option<(u8, bool)> = None;
    for range in ranges {
        has_ranges = true;
        let (specificity, is_wanted) = read_range(range, media_type);
        // Of ranges that are equally specific one that wants the type is enough.
        decisive = decisive.max((specificity > 0).then_some((specificity, is_wanted)));
    }
    !has_ranges || decisive.is_some_and(|(_, is_wanted)| is_wanted)
}

/// Whether a client names HTML among what it accepts, as every browser does when it opens an address. `*/*` is not enough:
/// tools send it.
pub(crate) fn names_html(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut ranges = values.flat_map(|value| value.split(',')).map(str::trim);
    ranges.any(|range| read_range(range, HTML) == (3, true))
}

/// How specifically a range covers a media type, 0 when it does not, and whether its weight is more than 0.
fn read_range(range: &str, media_type: &str) -> (u8, bool) {
    let mut parts = range.split(';').map(str::trim);
    let sent = parts.next().unwrap_or_default();
    let kind = media_type.split('/').next().unwrap_or_default();
    let specificity = match sent.split_once('/') {
        _ if sent.eq_ignore_ascii_case(media_type) => 3,
        Some((sent_kind, "*")) if sent_kind.eq_ignore_ascii_case(kind) => 2,
        // Java sends `*` for `*/*`.
        Some(("*", "*")) => 1,
        None if sent == "*" => 1,
        _ => 0,
    };
    let weight = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
    let is_unwanted = weight.and_then(|weight| weight.parse().ok()) == Some(0.0_f32);
    (specificity, !is_unwanted)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_most_specific_range_decides() {
        for (accept, expected) in [
            ("", true),
            (" , ", true),
            ("*/*", true),
            ("*;q=.2", true),
            ("application/*", true),
            ("Application/JSON", true),
            ("application/json;odata.metadata=minimal;q=0.1", true),
            ("text/html, application/*;q=0.5", true),
            ("application/json, application/json;q=0", true),
            ("application/json;q=1, */*;q=0", true),
            ("text/html", false),
            ("text/*", false),
            ("application/json;q=0", false),
            ("application/json; Q=0.000", false),
            ("application/json;q=0, */*", false),
            ("*/*, application/*;q=0", false),
            ("application/jsonl", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(accepts(&headers, JSON), expected, "{accept}");
        }
        assert!(accepts(&HeaderMap::new(), JSON));
    }

    #[test]
    fn a_browser_names_html_and_a_tool_does_not() {
        for (accept, expected) in [
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true),
            ("application/json, TEXT/HTML;q=0.5", true),
            ("*/*", false),
            ("text/*", false),
            ("text/html;q=0, */*", false),
            ("application/json", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(names_html(&headers), expected, "{accept}");
        }
        assert!(!names_html(&HeaderMap::new()));
    }
}
