//! GET, PATCH and DELETE a run, and GET its process.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use flowruns_domain::{
    run::{Run, RunById},
    version::{EntityTag, Preconditions},
};
use flowruns_http::auth::Permission;

use super::{
    body::{RunBody, address, read_patch},
    projection::Projection,
};
use crate::{
    error::ApiError,
    extract::{ApiRequest, BodyKind},
    flows::{flow_response, read_selection},
    respond,
    state::Api,
};

const OPTIONS: [&str; 3] = ["select", "expand", "format"];

pub(crate) async fn get_run(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Response, ApiError> {
    let request = ApiRequest::new(&api, request, Permission::ReadRuns, BodyKind::None).await?;
    let projection = Projection::read(&request.options(&OPTIONS)?)?;
    let (address, conditions) = (request.run_address()?, request.conditions()?);
    let run = api.runs.get(address).await?;
    let tag = run.tag();
    let body = RunBody::projected(&run, &tag, &request.root, &projection.fragment());
    run_response(&api, body, (&run, &tag, &projection), conditions).await
}

/// A run by its id, of any flow of the caller's tenant.
pub(crate) async fn get_run_by_id(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Response, ApiError> {
    let request = ApiRequest::new(&api, request, Permission::ReadRuns, BodyKind::None).await?;
    let projection = Projection::read(&request.options(&OPTIONS)?)?;
    let (id, conditions) = (request.run_id()?, request.conditions()?);
    match api.runs.find_by_id(request.caller.tenant, id).await? {
        RunById::One(run) => {
            let tag = run.tag();
            let body = RunBody::projected(&run, &tag, &request.root, &projection.fragment());
            let body = body.at(address(run.key, &request.root));
            run_response(&api, body, (&run, &tag, &projection), conditions).await
        }
        RunById::Several(keys) => {
            let addresses = keys.iter().map(|key| address(*key, &request.root));
            Err(ApiError::several_runs(&addresses.collect::<Vec<_>>()))
        }
    }
}

/// A single run, or 304.
async fn run_response(
    api: &Api,
    body: RunBody<'_>,
    (run, tag, projection): (&Run, &EntityTag, &Projection),
    conditions: Preconditions,
) -> Result<Response, ApiError> {
    if !projection.with_process {
        return respond::entity(&projection.selected(body), tag, &conditions);
    }
    let flow = api.flows.get(run.key.flow_key()).await?;
    let body = body.with_process(&flow);
    // The tag is that of the run without its process, so that If-None-Match cannot say whether the client has this process.
    let if_match = Preconditions::from(conditions.if_match);
    respond::entity(&projection.selected(body), tag, &if_match)
}

/// A report of a flow on its run.
pub(crate) async fn patch_run(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Response, ApiError> {
    let request = ApiRequest::new(&api, request, Permission::WriteRuns, BodyKind::Json).await?;
    request.no_options()?;
    let address = request.run_address()?;
    let preconditions = request.preconditions(&api)?;
    let patch = request.read_object(move |body| read_patch(body, address.key.run)).await?;
    request.admit(patch.urgency())?;
    let run = api.runs.patch(address, patch, preconditions, request.requester()).await?;
    let tag = run.tag();
    let body = RunBody::new(&run, &tag, &request.root);
    respond::written(&body, &tag, request.preference)
}

/// Hides a run; its id stays in use.
pub(crate) async fn delete_run(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Response, ApiError> {
    let request = ApiRequest::new(&api, request, Permission::WriteRuns, BodyKind::None).await?;
    request.no_options()?;
    let address = request.run_address()?;
    let preconditions = request.preconditions(&api)?;
    api.runs.delete(address, preconditions, request.requester()).await?;
    Ok(respond::no_content())
}

/// The process that caused a run: its flow.
pub(crate) async fn get_process(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Response, ApiError> {
    let request = ApiRequest::new(&api, request, Permission::ReadRuns, BodyKind::None).await?;
    let selection = read_selection(&request)?;
    let (address, conditions) = (request.run_address()?, request.conditions()?);
    api.runs.check_address(address).await?;
    let flow = api.flows.get(address.key.flow_key()).await?;
    flow_response(&request, &flow, &selection, &conditions)
}
