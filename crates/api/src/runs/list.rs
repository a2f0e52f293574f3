//! GET the runs of a flow, newest start first.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use flowruns_domain::{RunId, RunPageRequest, RunPosition, Timestamp};
use uuid::Uuid;

use super::body::RunItem;
use crate::{
    auth::Permission,
    error::ApiError,
    extract::{Call, Content},
    odata::page::{LIST_OPTIONS, ListId, PageKey, next_query, requested},
    respond::{self, List},
    state::Api,
};

pub(crate) async fn list_runs(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Response, ApiError> {
    let call = Call::new(&api, request, Permission::ReadRuns, Content::None).await?;
    let (flow, via) = (call.flow_key()?, call.via()?);
    let options = call.options(&LIST_OPTIONS)?;
    let list = ListId(flow.flow.uuid(), Uuid::nil());
    let request: RunPageRequest = requested(&options, list)?;
    let page = api.runs.list(flow, via, request).await?;
    let last = page.items.last().filter(|_| page.more);
    let next_link = last.map(|run| {
        let position = RunPosition {
            start: run.start,
            run: run.id(),
        };
        call.root
            .same_path(&next_query(&options, list, request.size, &position))
    });
    respond::json(&List {
        context: call
            .root
            .context(&format!("industryData/incomingFlows('{}')/runs", flow.flow)),
        next_link,
        value: page.items.iter().map(RunItem::new).collect(),
    })
}

/// The start in microseconds since the Unix epoch, then the id.
impl PageKey for RunPosition {
    fn to_bytes(&self) -> Vec<u8> {
        let start = self.start.date_time().timestamp_micros().to_be_bytes();
        [start.as_slice(), self.run.uuid().as_bytes()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (start, run) = bytes.split_first_chunk::<8>()?;
        let start = chrono::DateTime::from_timestamp_micros(i64::from_be_bytes(*start))?;
        let run = RunId::new(Uuid::from_slice(run).ok()?).ok()?;
        Some(Self {
            start: Timestamp::new(start).ok()?,
            run,
        })
    }
}
