//! PATCH a flow. The property eTag counts as If-Match; beside the header both must match.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use flowruns_domain::Urgency;

use super::body::{FlowBody, read_patch};
use crate::{
    auth::Permission,
    error::ApiError,
    extract::{Call, Content},
    respond,
    state::Api,
};

pub(crate) async fn patch_flow(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Response, ApiError> {
    let call = Call::new(&api, request, Permission::WriteFlows, Content::Json).await?;
    call.no_options()?;
    let key = call.flow_key()?;
    let mut preconditions = call.preconditions(&api)?;
    let (patch, tag) = call
        .read_object(move |body| read_patch(body, key.flow))
        .await?;
    call.admit(Urgency::Ordinary)?;
    if let Some(tag) = tag {
        preconditions.if_match = preconditions.if_match.and(tag);
    }
    let flow = api.flows.patch(key, patch, preconditions).await?;
    respond::written(
        &FlowBody::new(&flow, &call.root),
        &flow.tag(),
        call.preference,
    )
}
