//! GET the history of a run, oldest first.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use flowruns_domain::{EventPageRequest, PropertyChange, RunEvent, Version, json::JsonValue};
use serde::Serialize;

use crate::{
    auth::Permission,
    error::ApiError,
    extract::{Call, Content},
    odata::page::{LIST_OPTIONS, ListId, PageKey, next_query, requested},
    respond::{self, List},
    state::Api,
};

pub(crate) async fn list_history(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Response, ApiError> {
    let call = Call::new(&api, request, Permission::ReadRuns, Content::None).await?;
    let address = call.run_address()?;
    let options = call.options(&LIST_OPTIONS)?;
    let key = address.key;
    let list = ListId(key.flow.uuid(), key.run.uuid());
    let request: EventPageRequest = requested(&options, list)?;
    let page = api.runs.history(address, request).await?;
    let last = page.items.last().filter(|_| page.more);
    let next_link = last.map(|event| {
        call.root
            .same_path(&next_query(&options, list, request.size, &event.version))
    });
    respond::json(&List {
        context: call.root.context(&format!(
            "industryData/incomingFlows('{}')/runs('{}')/history",
            key.flow, key.run
        )),
        next_link,
        value: page.items.iter().map(EventBody::new).collect(),
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EventBody<'a> {
    version: i64,
    occurred_date_time: String,
    actor: &'a str,
    request_id: String,
    action: &'static str,
    changes: Vec<ChangeBody<'a>>,
}

#[derive(Serialize)]
struct ChangeBody<'a> {
    property: &'a str,
    before: &'a JsonValue,
    after: &'a JsonValue,
}

impl<'a> EventBody<'a> {
    fn new(event: &'a RunEvent) -> Self {
        let RunEvent {
            id: _,
            key: _,
            version,
            occurred,
            actor,
            request,
            action,
            changes,
        } = event;
        Self {
            version: version.number(),
            occurred_date_time: occurred.to_string(),
            actor,
            request_id: request.to_string(),
            action: action.as_str(),
            changes: changes.iter().map(change_body).collect(),
        }
    }
}

fn change_body(change: &PropertyChange) -> ChangeBody<'_> {
    let PropertyChange {
        property,
        before,
        after,
    } = change;
    ChangeBody {
        property,
        before,
        after,
    }
}

impl PageKey for Version {
    fn to_bytes(&self) -> Vec<u8> {
        self.number().to_be_bytes().to_vec()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Self::new(i64::from_be_bytes(bytes.try_into().ok()?))
    }
}
