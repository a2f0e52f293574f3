//! GET the history of a run, oldest first.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use flowruns_domain::{
    json::JsonValue,
    query::{Continuation, EventPageRequest},
    run::{PropertyChange, RunEvent},
};
use flowruns_http::auth::Permission;
use serde::Serialize;

use crate::{
    error::ApiError,
    extract::{ApiRequest, BodyKind},
    odata::{
        cursor::Binding,
        page::{LIST_OPTIONS, Requested, next_query, requested, with_preference},
    },
    respond::{self, List},
    state::Api,
};

/// The memory of a long entry, in bytes: statistics and blockingError, before and after.
const LONG_ENTRY: usize = 256 * 1024;

pub(crate) async fn list_history(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Response, ApiError> {
    let request = ApiRequest::new(&api, request, Permission::ReadRuns, BodyKind::List).await?;
    let address = request.run_address()?;
    let options = request.options(&LIST_OPTIONS)?;
    let key = address.key;
    let path = format!("industryData/incomingFlows('{}')/runs('{}')/history", key.flow, key.run);
    let binding = Binding { tenant: key.tenant, list: &path, options: options.bound() };
    let Requested { size, after, .. } = requested(&api, &options, &binding)?;
    let size = size.within(request.page_bytes.0);
    request.reserve_page(&api, size.rows(), LONG_ENTRY).await?;
    let page = api.runs.history(address, EventPageRequest { size, after }).await?;
    let last = page.items.last().filter(|_| page.has_more);
    let next_link = last.map(|event| {
        let next = Continuation { after: event.version, skip: 0 };
        request.root.same_path(&next_query(&api, &options, &binding, &next))
    });
    let response = respond::json(&List {
        context: request.root.context(&path),
        count: None,
        count_above: None,
        next_link,
        value: page.items.iter().map(EventBody::new).collect(),
    })?;
    Ok(with_preference(response, &options))
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
        let RunEvent { id: _, key: _, version, occurred, actor, request, action, changes } = event;
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
    let PropertyChange { property, before, after } = change;
    ChangeBody { property, before, after }
}
