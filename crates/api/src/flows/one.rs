//! GET and DELETE a flow.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};

use flowruns_domain::{Flow, IfMatch};

use super::{body::FlowBody, list::PROPERTIES};
use crate::{
    auth::Permission,
    error::ApiError,
    extract::{Call, Content, if_match_or_default},
    odata::select::{Selected, Selection},
    respond,
    state::Api,
};

pub(crate) async fn get_flow(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Response, ApiError> {
    let call = Call::new(&api, request, Permission::ReadRuns, Content::None).await?;
    let selection = read_selection(&call)?;
    let (key, known) = (call.flow_key()?, call.sent_if_none_match()?);
    let flow = api.flows.get(key).await?;
    answer_flow(&call, &flow, &selection, known.as_ref())
}

/// What is to be shown of a single flow.
pub(crate) fn read_selection(call: &Call) -> Result<Selection, ApiError> {
    Selection::read(&call.options(&["select"])?, PROPERTIES)
}

/// A single flow, or 304.
pub(crate) fn answer_flow(
    call: &Call,
    flow: &Flow,
    selection: &Selection,
    known: Option<&IfMatch>,
) -> Result<Response, ApiError> {
    let body = Selected {
        row: FlowBody::shaped(flow, &call.root, &selection.fragment(false)),
        selection,
        expanded: false,
    };
    respond::entity(&body, &flow.tag(), known)
}

pub(crate) async fn delete_flow(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Response, ApiError> {
    let call = Call::new(&api, request, Permission::WriteFlows, Content::None).await?;
    call.no_options()?;
    let key = call.flow_key()?;
    let if_match = if_match_or_default(&api, call.sent_if_match()?);
    api.flows.delete(key, if_match).await?;
    Ok(respond::no_content())
}
