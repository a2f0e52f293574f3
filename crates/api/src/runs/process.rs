//! GET the process of a run: the flow that owns it.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};

use crate::{
    auth::Permission,
    error::ApiError,
    extract::{Call, Content},
    flows::FlowBody,
    respond,
    state::Api,
};

pub(crate) async fn get_process(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Response, ApiError> {
    let call = Call::new(&api, request, Permission::ReadRuns, Content::None).await?;
    call.no_options()?;
    let (address, known) = (call.run_address()?, call.sent_if_none_match()?);
    api.runs.check_exists(address.key).await?;
    let flow = api.flows.get(address.key.flow_key()).await?;
    respond::entity(
        &FlowBody::new(&flow, &call.root),
        &flow.tag(),
        known.as_ref(),
    )
}
