//! GET, PATCH and DELETE a flow.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use flowruns_domain::{flow::Flow, run::Urgency, version::Preconditions};
use flowruns_http::auth::Permission;

use super::{
    body::{FlowBody, read_patch},
    list::PROPERTIES,
};
use crate::{
    error::ApiError,
    extract::{ApiRequest, BodyKind},
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
    let request = ApiRequest::new(&api, request, Permission::ReadRuns, BodyKind::None).await?;
    let selection = read_selection(&request)?;
    let (key, conditions) = (request.flow_key()?, request.conditions()?);
    let flow = api.flows.get(key).await?;
    flow_response(&request, &flow, &selection, &conditions)
}

/// The selected properties of a single flow.
pub(crate) fn read_selection(request: &ApiRequest) -> Result<Selection, ApiError> {
    let options = request.options(&["select", "format"])?;
    json_format(&options)?;
    Selection::read(&options, PROPERTIES)
}

/// A single flow, or 412, or 304.
pub(crate) fn flow_response(
    request: &ApiRequest,
    flow: &Flow,
    selection: &Selection,
    conditions: &Preconditions,
) -> Result<Response, ApiError> {
    let body = Selected {
        row: FlowBody::projected(flow, &request.root, &selection.fragment(false)),
        selection,
        expanded: false,
    };
    respond::entity(&body, &flow.tag(), conditions)
}

/// The property eTag counts as If-Match; with the header as well both must match.
pub(crate) async fn patch_flow(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Response, ApiError> {
    let request = ApiRequest::new(&api, request, Permission::WriteFlows, BodyKind::Json).await?;
    request.no_options()?;
    let key = request.flow_key()?;
    let mut preconditions = request.preconditions(&api)?;
    let (patch, tag) = request.read_object(move |body| read_patch(body, key.flow)).await?;
    request.admit(Urgency::Ordinary)?;
    if let Some(tag) = tag {
        preconditions.if_match = preconditions.if_match.and(tag);
    }
    let flow = api.flows.patch(key, patch, preconditions).await?;
    let body = FlowBody::new(&flow, &request.root);
    respond::written(&body, &flow.tag(), request.preference)
}

pub(crate) async fn delete_flow(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Response, ApiError> {
    let request = ApiRequest::new(&api, request, Permission::WriteFlows, BodyKind::None).await?;
    request.no_options()?;
    let key = request.flow_key()?;
    let preconditions = request.preconditions(&api)?;
    api.flows.delete(key, preconditions).await?;
    Ok(respond::no_content())
}
