//! Accept: the answer is JSON, plain text for a count, or 406.

use axum::http::{HeaderMap, header};

/// The media type of nearly every answer.
pub(super) const JSON: &str = "application/json";

/// Whether the client takes a media type.
pub(super) fn takes(headers: &HeaderMap, media_type: &str) -> bool {
    let mut values = headers.get_all(header::ACCEPT).iter().peekable();
    if values.peek().is_none() {
        return true;
    }
    let ranges = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    ranges
        .map(str::trim)
        .filter(|range| !range.is_empty())
        .any(|range| range_takes(range, media_type))
}

fn range_takes(range: &str, media_type: &str) -> bool {
    let mut parts = range
        .split(';')
        .map(|part| part.trim().to_ascii_lowercase());
    let sent = parts.next().unwrap_or_default();
    let kind = media_type.split('/').next().unwrap_or_default();
    let is_covered = sent == "*/*"
        || sent == media_type
        || sent.strip_suffix("/*").is_some_and(|sent| sent == kind);
    let is_refused =
        parts.any(|part| part.strip_prefix("q=").and_then(|q| q.parse().ok()) == Some(0.0_f32));
    is_covered && !is_refused
}
