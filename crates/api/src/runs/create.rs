//! POST a run.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use flowruns_domain::{Reserved, RunCreated};

use super::body::{RunBody, location, read_new};
use crate::{
    auth::Permission,
    error::ApiError,
    extract::{Call, Content},
    idempotency, respond,
    state::Api,
};

pub(crate) async fn create_run(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Response, ApiError> {
    let call = Call::new(&api, request, Permission::WriteRuns, Content::Json).await?;
    idempotency::once(api, call, create).await
}

async fn create(
    api: Arc<Api>,
    call: Arc<Call>,
    reserved: Option<Reserved>,
) -> Result<Response, ApiError> {
    call.no_options()?;
    let (flow, via) = (call.flow_key()?, call.via()?);
    let (id, creation) = call.read_object(read_new).await?;
    call.admit(creation.new.urgency())?;
    let (runs, requester) = (&api.runs, call.requester());
    let created = match reserved {
        None => runs.create(flow, via, id, creation, requester).await,
        Some(reserved) => {
            runs.create_reserved(flow, via, id, creation, requester, reserved)
                .await
        }
    };
    match created? {
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
            let (body, location) = (RunBody::new(&run, &call.root), location(&run, &call.root));
            respond::created_before(&body, &run.tag(), call.preference, &location)
        }
    }
}
