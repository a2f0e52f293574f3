//! Accept: the answer is JSON, or 406.

use axum::http::{HeaderMap, header};

/// Whether the client takes application/json.
pub(super) fn takes_json(headers: &HeaderMap) -> bool {
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
        .any(range_takes_json)
}

fn range_takes_json(range: &str) -> bool {
    let mut parts = range
        .split(';')
        .map(|part| part.trim().to_ascii_lowercase());
    let media_type = parts.next().unwrap_or_default();
    let is_json = matches!(
        media_type.as_str(),
        "application/json" | "application/*" | "*/*"
    );
    let is_refused =
        parts.any(|part| part.strip_prefix("q=").and_then(|q| q.parse().ok()) == Some(0.0_f32));
    is_json && !is_refused
}
