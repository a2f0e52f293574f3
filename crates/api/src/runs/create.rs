//! POST a run.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use flowruns_domain::RunCreated;

use super::body::{RunBody, location, read_new};
use crate::{
    auth::Permission,
    error::ApiError,
    extract::{Call, Content},
    respond,
    state::Api,
};

pub(crate) async fn create_run(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Response, ApiError> {
    let call = Call::new(&api, request, Permission::WriteRuns, Content::Json).await?;
    call.no_options()?;
    let (flow, via) = (call.flow_key()?, call.via()?);
    let (id, new) = read_new(call.object()?)?;
    match api
        .runs
        .create(flow, via, id, new, call.requester())
        .await?
    {
        RunCreated::New(run) => {
            let body = RunBody::new(&run, &call.root);
            respond::created(
                &body,
                &run.tag(),
                call.preference,
                &location(&run, &call.root),
            )
        }
        RunCreated::Before(run) => {
            respond::written(&RunBody::new(&run, &call.root), &run.tag(), call.preference)
        }
    }
}
