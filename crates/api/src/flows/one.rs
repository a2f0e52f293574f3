//! GET and DELETE a flow.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};

use super::body::FlowBody;
use crate::{
    auth::Permission,
    error::ApiError,
    extract::{Call, Content, if_match_or_default},
    respond,
    state::Api,
};

pub(crate) async fn get_flow(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Response, ApiError> {
    let call = Call::new(&api, request, Permission::ReadRuns, Content::None).await?;
    call.no_options()?;
    let (key, known) = (call.flow_key()?, call.sent_if_none_match()?);
    let flow = api.flows.get(key).await?;
    respond::entity(
        &FlowBody::new(&flow, &call.root),
        &flow.tag(),
        known.as_ref(),
    )
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
