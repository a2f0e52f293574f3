//! GET and DELETE a flow.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};

use flowruns_domain::{Flow, Preconditions};

use super::{body::FlowBody, list::PROPERTIES};
use crate::{
    auth::Permission,
    error::ApiError,
    extract::{Call, Content},
    odata::{
        page::json_format,
        select::{Selected, Selection},
    },
    respond,
    state::Api,
};

pub(crate) async fn get_flow(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Response, ApiError> {
    let call = Call::new(&api, request, Permission::ReadRuns, Content::None).await?;
    let selection = read_selection(&call)?;
    let (key, conditions) = (call.flow_key()?, call.conditions()?);
    let flow = api.flows.get(key).await?;
    answer_flow(&call, &flow, &selection, &conditions)
}

/// What is to be shown of a single flow.
pub(crate) fn read_selection(call: &Call) -> Result<Selection, ApiError> {
    let options = call.options(&["select", "format"])?;
    json_format(&options)?;
    Selection::read(&options, PROPERTIES)
}

/// A single flow, or 412, or 304.
pub(crate) fn answer_flow(
    call: &Call,
    flow: &Flow,
    selection: &Selection,
    conditions: &Preconditions,
) -> Result<Response, ApiError> {
    let body = Selected {
        row: FlowBody::shaped(flow, &call.root, &selection.fragment(false)),
        selection,
        expanded: false,
    };
    respond::entity(&body, &flow.tag(), conditions)
}

pub(crate) async fn delete_flow(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Response, ApiError> {
    let call = Call::new(&api, request, Permission::WriteFlows, Content::None).await?;
    call.no_options()?;
    let key = call.flow_key()?;
    let preconditions = call.preconditions(&api)?;
    api.flows.delete(key, preconditions).await?;
    Ok(respond::no_content())
}
