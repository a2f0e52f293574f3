//! GET a run.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};

use super::body::RunBody;
use crate::{
    auth::Permission,
    error::ApiError,
    extract::{Call, Content},
    respond,
    state::Api,
};

pub(crate) async fn get_run(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Response, ApiError> {
    let call = Call::new(&api, request, Permission::ReadRuns, Content::None).await?;
    call.no_options()?;
    let (address, known) = (call.run_address()?, call.sent_if_none_match()?);
    let run = api.runs.get(address).await?;
    respond::entity(&RunBody::new(&run, &call.root), &run.tag(), known.as_ref())
}
