//! Reading of responses.

use std::sync::Arc;

use flowruns_domain::{
    json::{JsonObject, JsonValue},
    run::{Action, PropertyChange},
    version::EntityTag,
};
use reqwest::{Response, StatusCode};
use serde_json::Value;

use super::target::{Entry, RejectionCode, Seen, TargetResponse};

/// The body, or the error. After a 5xx the request may still be executed.
pub(super) async fn read(response: Result<Response, reqwest::Error>) -> TargetResponse<Value> {
    let response = match response {
        Ok(response) => response,
        Err(error) => return TargetResponse::Unknown(chain(&error)),
    };
    let status = response.status();
    let body = match response.bytes().await {
        Ok(body) => body,
        Err(error) => return TargetResponse::Unknown(chain(&error)),
    };
    let body: Option<Value> = serde_json::from_slice(&body).ok();
    let is_unknown = status.is_server_error()
        || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT);
    match body {
        _ if is_unknown => TargetResponse::Unknown(status.to_string()),
        Some(body) if status.is_success() => TargetResponse::Done(body),
        body => {
            let code = body.as_ref().and_then(error_code).unwrap_or("unreadable");
            TargetResponse::Rejected(RejectionCode::new(status.as_u16(), code))
        }
    }
}

fn error_code(body: &Value) -> Option<&str> {
    body["error"]["innerError"]["code"].as_str()
}

/// An error with its causes, because the message of the HTTP client says little by itself.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// The value; None means that the response does not follow the contract.
pub(super) fn readable<T>(read: Option<T>) -> TargetResponse<T> {
    read.map_or_else(
        || TargetResponse::Rejected(RejectionCode::new(StatusCode::OK.as_u16(), "unreadable")),
        TargetResponse::Done,
    )
}

pub(super) fn seen(body: Value) -> Option<Seen> {
    let tag = EntityTag::new(opaque(body["@odata.etag"].as_str()?)?);
    let run = body["id"].as_str()?.parse().ok()?;
    let values = Arc::new(object(body)?);
    Some(Seen { run, tag, values })
}

pub(super) fn entry(item: &Value) -> Option<Entry> {
    let changes = item["changes"].as_array()?;
    Some(Entry {
        version: item["version"].as_i64()?,
        occurred: item["occurredDateTime"].as_str()?.parse().ok()?,
        action: Action::from_name(item["action"].as_str()?)?,
        changes: changes.iter().map(change).collect::<Option<_>>()?,
    })
}

fn change(item: &Value) -> Option<PropertyChange> {
    let value = |name: &str| serde_json::from_value::<JsonValue>(item.get(name)?.clone()).ok();
    Some(PropertyChange {
        property: item["property"].as_str()?.to_owned(),
        before: value("before")?,
        after: value("after")?,
    })
}

fn object(body: Value) -> Option<JsonObject> {
    serde_json::from_value(body).ok()
}

/// The opaque part of `W/"…"`.
fn opaque(tag: &str) -> Option<&str> {
    tag.strip_prefix("W/")?.strip_prefix('"')?.strip_suffix('"')
}

/// Tags as If-Match lists them.
pub(super) fn shown_tags(tags: &[EntityTag]) -> String {
    let shown = tags.iter().map(|tag| format!("W/\"{}\"", tag.as_str()));
    shown.collect::<Vec<_>>().join(", ")
}
