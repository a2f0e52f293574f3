//! The body of a batch.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

use super::MAX_ITEMS;
use crate::error::ApiError;

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    requests: Vec<Sent<'a>>,
}

/// Python's client writes `depends_on`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sent<'a> {
    id: String,
    method: String,
    url: String,
    headers: Option<BTreeMap<String, String>>,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
    #[serde(alias = "depends_on")]
    depends_on: Option<Vec<String>>,
    atomicity_group: Option<IgnoredAny>,
}

/// A request of a batch; it depends on earlier ones.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) id: String,
    pub(super) method: String,
    pub(super) url: String,
    pub(super) headers: BTreeMap<String, String>,
    /// As it was sent, to the byte.
    pub(super) body: Option<Bytes>,
    pub(super) depends_on: Vec<usize>,
}

/// Reads the requests. What leaves the order of the whole unclear is refused for all of them.
pub(super) fn read_items(body: &Bytes) -> Result<Vec<Item>, ApiError> {
    let Envelope { requests } = serde_json::from_slice(body).map_err(|error| {
        let message = format!("the body is no batch of requests: {error}");
        ApiError::bad_request("malformedBatch", message)
    })?;
    let count = requests.len();
    if count > MAX_ITEMS {
        let message =
            format!("a batch has at most {MAX_ITEMS} requests, not {count}; send several");
        return Err(ApiError::bad_request("tooManyRequests", message).with_target("requests"));
    }
    let mut ids: Vec<String> = Vec::new();
    let mut items = Vec::new();
    for sent in requests {
        let at_item = |error: ApiError, property| {
            error.with_target(format!("requests/{}/{property}", ids.len()))
        };
        let id = new_id(&ids, &sent.id).map_err(|error| at_item(error, "id"))?;
        let depends_on = dependencies(&ids, sent.depends_on.as_deref().unwrap_or_default())
            .map_err(|error| at_item(error, "dependsOn"))?;
        if sent.atomicity_group.is_some() {
            let message = "requests are not carried out as a group; leave atomicityGroup out";
            let error = ApiError::bad_request("atomicityGroupNotSupported", message);
            return Err(at_item(error, "atomicityGroup"));
        }
        ids.push(id);
        items.push(Item {
            id: sent.id,
            method: sent.method,
            url: sent.url,
            headers: sent.headers.unwrap_or_default(),
            body: sent.body.map(|raw| body.slice_ref(raw.get().as_bytes())),
            depends_on,
        });
    }
    Ok(items)
}

/// An id as it is compared: without case.
fn new_id(ids: &[String], sent: &str) -> Result<String, ApiError> {
    let id = sent.to_lowercase();
    if id.is_empty() || ids.contains(&id) {
        let message =
            format!("the id {sent:?} is empty or stands twice; give each request its own");
        return Err(ApiError::bad_request("invalidRequestId", message));
    }
    Ok(id)
}

/// The places of the requests that one depends on.
fn dependencies(ids: &[String], names: &[String]) -> Result<Vec<usize>, ApiError> {
    let place = |name: &String| {
        let id = name.to_lowercase();
        ids.iter().position(|known| *known == id).ok_or_else(|| {
            let message = format!("no request before this one has the id {name:?}; put it first");
            ApiError::bad_request("invalidDependency", message)
        })
    };
    names.iter().map(place).collect()
}
