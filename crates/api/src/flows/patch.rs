//! PATCH a flow. The property eTag counts as If-Match where the header is absent.

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
    extract::{Call, Content, if_match_or_default, tags},
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
    let header = call.sent_if_match()?;
    let (patch, tag) = call
        .read_object(move |body| read_patch(body, key.flow))
        .await?;
    let property = tag.map(|tag| tags(&tag, "eTag")).transpose()?;
    call.admit(Urgency::Ordinary)?;
    let if_match = if_match_or_default(&api, header.or(property));
    let flow = api.flows.patch(key, patch, if_match).await?;
    respond::written(
        &FlowBody::new(&flow, &call.root),
        &flow.tag(),
        call.preference,
    )
}
