//! Reading of responses.

use std::sync::Arc;

use flowruns_client::HistoryEntry;
use flowruns_domain::{
    json::JsonObject,
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
        Err(error) => return TargetResponse::Unknown(flowruns_client::error_chain(&error)),
    };
    let status = response.status();
    let body = match response.bytes().await {
        Ok(body) => body,
        Err(error) => return TargetResponse::Unknown(flowruns_client::error_chain(&error)),
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

/// What the client was told by the server. It has repeated what may be repeated.
pub(super) fn answered<T>(result: Result<T, flowruns_client::Error>) -> TargetResponse<T> {
    match result {
        Ok(value) => TargetResponse::Done(value),
        Err(error) => match error.refusal() {
            Some(refusal) if refusal.status < 500 => {
                let code = RejectionCode::new(refusal.status, refusal.rule.code());
                TargetResponse::Rejected(code)
            }
            _ => TargetResponse::Unknown(flowruns_client::error_chain(&error)),
        },
    }
}

/// None means that the action does not follow the contract.
pub(super) fn entry(entry: HistoryEntry) -> Option<Entry> {
    let changes = entry.changes.into_iter();
    Some(Entry {
        version: entry.version,
        occurred: entry.occurred,
        action: Action::from_name(&entry.action)?,
        changes: changes
            .map(|change| PropertyChange {
                property: change.property,
                before: change.before,
                after: change.after,
            })
            .collect(),
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
