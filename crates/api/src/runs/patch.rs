//! PATCH a run: a flow reports.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};

use super::body::{RunBody, read_patch};
use crate::{
    auth::Permission,
    error::ApiError,
    extract::{Call, Content},
    respond,
    state::Api,
};

pub(crate) async fn patch_run(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Response, ApiError> {
    let call = Call::new(&api, request, Permission::WriteRuns, Content::Json).await?;
    call.no_options()?;
    let address = call.run_address()?;
    let preconditions = call.preconditions(&api)?;
    let patch = call
        .read_object(move |body| read_patch(body, address.key.run))
        .await?;
    call.admit(patch.urgency())?;
    let run = api
        .runs
        .patch(address, patch, preconditions, call.requester())
        .await?;
    respond::written(&RunBody::new(&run, &call.root), &run.tag(), call.preference)
}
