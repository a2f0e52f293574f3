//! PATCH a flow. The property eTag counts as If-Match where the header is absent.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use flowruns_domain::{IfMatch, Urgency};

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
    if let (IfMatch::Absent | IfMatch::Missing, Some(tag)) = (&preconditions.if_match, tag) {
        preconditions.if_match = tag;
    }
    let flow = api.flows.patch(key, patch, preconditions).await?;
    respond::written(
        &FlowBody::new(&flow, &call.root),
        &flow.tag(),
        call.preference,
    )
}
