//! The response to an item.

use std::collections::BTreeMap;

use axum::{
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::Response,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use serde::Serialize;

/// The spelling of names that clients look up with case in JSON, although HTTP ignores case.
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

/// The usual length of the response to an item without its body, in bytes.
const USUAL_HEAD: usize = 1024;

/// The response to an item.
#[derive(Clone)]
pub(super) struct BatchResponse {
    id: String,
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// The members of a response before its body.
#[derive(Serialize)]
struct ResponseMembers<'a> {
    id: &'a str,
    status: u16,
    headers: BTreeMap<&'a str, String>,
}

impl BatchResponse {
    pub(super) async fn read(id: String, response: Response) -> Self {
        let (parts, body) = response.into_parts();
        // The body is in memory and in one piece, so that it cannot end early and is not copied.
        let body = body.collect().await.map(|body| body.to_bytes());
        Self { id, status: parts.status, headers: parts.headers, body: body.unwrap_or_default() }
    }

    /// Whether an item that depends on this one may begin.
    pub(super) fn is_success(&self) -> bool {
        self.status < StatusCode::BAD_REQUEST
    }

    /// The approximate length in the batch, in bytes.
    pub(super) const fn length(&self) -> usize {
        USUAL_HEAD + self.body.len()
    }

    /// Appends the response as the batch shows it. The body is copied once and freed.
    pub(super) fn write(self, json: &mut Vec<u8>) -> serde_json::Result<()> {
        let head = ResponseMembers {
            id: &self.id,
            status: self.status.as_u16(),
            headers: shown_headers(&self.headers),
        };
        serde_json::to_writer(&mut *json, &head)?;
        let content_type = self.headers.get(header::CONTENT_TYPE);
        let Some(content_type) = content_type.filter(|_| !self.body.is_empty()) else {
            return Ok(());
        };
        // The body is the last member of the object, which is opened again.
        json.pop();
        json.extend_from_slice(b",\"body\":");
        write_body(json, content_type.as_bytes(), &self.body)?;
        json.push(b'}');
        Ok(())
    }
}

/// JSON as JSON, text as a string, and anything else in base64url, as OData says.
fn write_body(json: &mut Vec<u8>, content_type: &[u8], body: &[u8]) -> serde_json::Result<()> {
    if content_type.starts_with(b"application/json") {
        // Written by serde_json, now or when it was kept with its Idempotency-Key, so it is not parsed again.
        json.extend_from_slice(body);
        return Ok(());
    }
    match str::from_utf8(body) {
        Ok(text) if content_type.starts_with(b"text/") => serde_json::to_writer(json, text),
        _ => serde_json::to_writer(json, &URL_SAFE_NO_PAD.encode(body)),
    }
}

fn shown_headers(headers: &HeaderMap) -> BTreeMap<&str, String> {
    let mut shown: BTreeMap<&str, String> = BTreeMap::new();
    for (name, value) in headers {
        let Ok(value) = value.to_str() else {
            continue;
        };
        if name == header::CONTENT_LENGTH {
            continue;
        }
        shown
            .entry(spelling(name))
            .and_modify(|former| {
                former.push_str(", ");
                former.push_str(value);
            })
            .or_insert_with(|| value.to_owned());
    }
    shown
}

fn spelling(name: &HeaderName) -> &str {
    let known = SPELLINGS.into_iter().find(|known| name.as_str().eq_ignore_ascii_case(known));
    known.unwrap_or(name.as_str())
}
