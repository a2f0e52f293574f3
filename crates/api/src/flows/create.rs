//! POST a flow.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use flowruns_domain::{idempotency::Reserved, run::Urgency};
use flowruns_http::auth::Permission;

use super::body::{FlowBody, read_new};
use crate::{
    error::ApiError,
    extract::{ApiRequest, BodyKind},
    idempotency, respond,
    state::Api,
};

pub(crate) async fn create_flow(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Response, ApiError> {
    let request = ApiRequest::new(&api, request, Permission::WriteFlows, BodyKind::Json).await?;
    idempotency::once(api, request, create).await
}

async fn create(
    api: Arc<Api>,
    request: Arc<ApiRequest>,
    reserved: Option<Reserved>,
) -> Result<Response, ApiError> {
    request.no_options()?;
    let new = request.read_object(read_new).await?;
    request.admit(Urgency::Ordinary)?;
    let tenant = request.caller.tenant;
    let flow = match reserved {
        None => api.flows.create(tenant, new).await?,
        Some(reserved) => api.flows.create_reserved(tenant, new, reserved).await?,
    };
    let location = request.root.resource(&format!("industryData/incomingFlows/{}", flow.key.flow));
    respond::created(
        &FlowBody::new(&flow, &request.root),
        &flow.tag(),
        request.preference,
        &location,
    )
}
