//! The answer to an item.

use std::collections::BTreeMap;

use axum::{
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::Response,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use serde::Serialize;
use serde_json::value::RawValue;

/// The names that clients look up by case in JSON, although HTTP has none.
const SPELLINGS: [&str; 10] = [
    "Allow",
    "Content-Type",
    "ETag",
    "Idempotency-Replayed",
    "Location",
    "OData-EntityId",
    "OData-Version",
    "Preference-Applied",
    "Retry-After",
    "WWW-Authenticate",
];

/// The answer to an item, as the batch shows it.
#[derive(Serialize)]
pub(super) struct Reply {
    id: String,
    status: u16,
    headers: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<ReplyBody>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum ReplyBody {
    Json(Box<RawValue>),
    Text(String),
}

impl Reply {
    pub(super) async fn read(id: String, response: Response) -> Self {
        let (parts, body) = response.into_parts();
        // Every body is in memory, so that none can end early.
        let bytes = body
            .collect()
            .await
            .map(|body| body.to_bytes())
            .unwrap_or_default();
        Self {
            id,
            status: parts.status.as_u16(),
            body: shown_body(&parts.headers, &bytes),
            headers: shown_headers(&parts.headers),
        }
    }

    /// Whether an item that depends on this one may begin.
    pub(super) fn is_success(&self) -> bool {
        self.status < StatusCode::BAD_REQUEST.as_u16()
    }
}

fn shown_headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut shown: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in headers {
        let Ok(value) = value.to_str() else {
            continue;
        };
        if name == header::CONTENT_LENGTH {
            continue;
        }
        shown
            .entry(spelling(name).to_owned())
            .and_modify(|former| *former = format!("{former}, {value}"))
            .or_insert_with(|| value.to_owned());
    }
    shown
}

fn spelling(name: &HeaderName) -> &str {
    let known = SPELLINGS
        .into_iter()
        .find(|known| name.as_str().eq_ignore_ascii_case(known));
    known.unwrap_or(name.as_str())
}

/// JSON as JSON, text as a string, and anything else in base64url, as OData says.
fn shown_body(headers: &HeaderMap, bytes: &Bytes) -> Option<ReplyBody> {
    if bytes.is_empty() {
        return None;
    }
    let content_type = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let text = str::from_utf8(bytes).ok().map(str::to_owned);
    match text {
        Some(text) if content_type.starts_with("application/json") => {
            RawValue::from_string(text).ok().map(ReplyBody::Json)
        }
        Some(text) if content_type.starts_with("text/") => Some(ReplyBody::Text(text)),
        _ => Some(ReplyBody::Text(URL_SAFE_NO_PAD.encode(bytes))),
    }
}
