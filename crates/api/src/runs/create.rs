//! POST a run.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use flowruns_domain::{idempotency::Reserved, service::RunCreated};
use flowruns_http::auth::Permission;

use super::body::{RunBody, address, read_new};
use crate::{
    error::ApiError,
    extract::{ApiRequest, BodyKind},
    idempotency, respond,
    state::Api,
};

pub(crate) async fn create_run(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Response, ApiError> {
    let request = ApiRequest::new(&api, request, Permission::WriteRuns, BodyKind::Json).await?;
    idempotency::once(api, request, create).await
}

async fn create(
    api: Arc<Api>,
    request: Arc<ApiRequest>,
    reserved: Option<Reserved>,
) -> Result<Response, ApiError> {
    request.no_options()?;
    let (flow, via) = (request.flow_key()?, request.via()?);
    let (id, creation) = request.read_object(read_new).await?;
    request.admit(creation.new.urgency())?;
    let (runs, requester) = (&api.runs, request.requester());
    let created = match reserved {
        None => runs.create(flow, via, id, creation, requester).await,
        Some(reserved) => runs.create_reserved(flow, via, id, creation, requester, reserved).await,
    };
    let (root, preference) = (&request.root, request.preference);
    match created? {
        RunCreated::New(run) => {
            let tag = run.tag();
            let body = RunBody::new(&run, &tag, root);
            respond::created(&body, &tag, preference, &address(run.key, root))
        }
        RunCreated::Existing(run) => {
            let tag = run.tag();
            let body = RunBody::new(&run, &tag, root);
            respond::created_before(&body, &tag, preference, &address(run.key, root))
        }
    }
}
