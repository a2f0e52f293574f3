//! DELETE a run: it is hidden, and its id stays taken.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};

use crate::{
    auth::Permission,
    error::ApiError,
    extract::{Call, Content},
    respond,
    state::Api,
};

pub(crate) async fn delete_run(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Response, ApiError> {
    let call = Call::new(&api, request, Permission::WriteRuns, Content::None).await?;
    call.no_options()?;
    let address = call.run_address()?;
    let preconditions = call.preconditions(&api)?;
    api.runs
        .delete(address, preconditions, call.requester())
        .await?;
    Ok(respond::no_content())
}
