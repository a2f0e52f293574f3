//! POST a flow.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use flowruns_domain::{Reserved, Urgency};

use super::body::{FlowBody, read_new};
use crate::{
    auth::Permission,
    error::ApiError,
    extract::{Call, Content},
    idempotency, respond,
    state::Api,
};

pub(crate) async fn create_flow(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Response, ApiError> {
    let call = Call::new(&api, request, Permission::WriteFlows, Content::Json).await?;
    idempotency::once(api, call, create).await
}

async fn create(
    api: Arc<Api>,
    call: Arc<Call>,
    reserved: Option<Reserved>,
) -> Result<Response, ApiError> {
    call.no_options()?;
    let new = call.read_object(read_new).await?;
    call.admit(Urgency::Ordinary)?;
    let tenant = call.caller.tenant;
    let flow = match reserved {
        None => api.flows.create(tenant, new).await?,
        Some(reserved) => api.flows.create_reserved(tenant, new, reserved).await?,
    };
    let location = call
        .root
        .resource(&format!("industryData/incomingFlows/{}", flow.key.flow));
    respond::created(
        &FlowBody::new(&flow, &call.root),
        &flow.tag(),
        call.preference,
        &location,
    )
}
