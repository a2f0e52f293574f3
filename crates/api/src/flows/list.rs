//! GET the flows of the caller's tenant, by id.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use flowruns_domain::{FlowId, FlowPageRequest};
use uuid::Uuid;

use super::body::FlowBody;
use crate::{
    auth::Permission,
    error::ApiError,
    extract::{Call, Content},
    odata::page::{LIST_OPTIONS, ListId, PageKey, next_query, requested},
    respond::{self, List},
    state::Api,
};

pub(crate) async fn list_flows(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Response, ApiError> {
    let call = Call::new(&api, request, Permission::ReadRuns, Content::None).await?;
    let options = call.options(&LIST_OPTIONS)?;
    let tenant = call.caller.tenant;
    let list = ListId(tenant.uuid(), Uuid::nil());
    let request: FlowPageRequest = requested(&options, list)?;
    let page = api.flows.list(tenant, request).await?;
    let last = page.items.last().filter(|_| page.more);
    let next_link = last.map(|flow| {
        call.root
            .same_path(&next_query(&options, list, request.size, &flow.key.flow))
    });
    respond::json(&List {
        context: call.root.context("industryData/incomingFlows"),
        next_link,
        value: page.items.iter().map(FlowBody::item).collect(),
    })
}

impl PageKey for FlowId {
    fn to_bytes(&self) -> Vec<u8> {
        self.uuid().as_bytes().to_vec()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Self::new(Uuid::from_slice(bytes).ok()?).ok()
    }
}
