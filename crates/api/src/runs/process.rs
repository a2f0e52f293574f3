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
    flows::{answer_flow, read_selection},
    state::Api,
};

pub(crate) async fn get_process(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Response, ApiError> {
    let call = Call::new(&api, request, Permission::ReadRuns, Content::None).await?;
    let selection = read_selection(&call)?;
    let (address, conditions) = (call.run_address()?, call.conditions()?);
    api.runs.check_address(address).await?;
    let flow = api.flows.get(address.key.flow_key()).await?;
    answer_flow(&call, &flow, &selection, &conditions)
}
