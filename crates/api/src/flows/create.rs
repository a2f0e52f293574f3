//! POST a flow.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};

use super::body::{FlowBody, read_new};
use crate::{
    auth::Permission,
    error::ApiError,
    extract::{Call, Content},
    respond,
    state::Api,
};

pub(crate) async fn create_flow(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Response, ApiError> {
    let call = Call::new(&api, request, Permission::WriteFlows, Content::Json).await?;
    call.no_options()?;
    let new = read_new(call.object()?)?;
    let flow = api.flows.create(call.caller.tenant, new).await?;
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
