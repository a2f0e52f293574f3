//! GET a run by its id alone, of whichever flow of the tenant has it.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use flowruns_domain::{RunById, RunKey};

use super::{
    body::{RunBody, address},
    get::answer_run,
    shape::Shape,
};
use crate::{
    auth::Permission,
    error::{ApiError, Detail},
    extract::{Call, Content},
    state::Api,
};

pub(crate) async fn get_run_by_id(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Response, ApiError> {
    let call = Call::new(&api, request, Permission::ReadRuns, Content::None).await?;
    let shape = Shape::read(&call.options(&["select", "expand", "format"])?)?;
    let (id, conditions) = (call.run_id()?, call.conditions()?);
    match api.runs.find_by_id(call.caller.tenant, id).await? {
        RunById::One(run) => {
            let body = RunBody::shaped(&run, &call.root, &shape.fragment());
            let body = body.at(address(run.key, &call.root));
            answer_run(&api, body, (&run, &shape), conditions).await
        }
        RunById::Several(keys) => Err(several(&call, &keys)),
    }
}

/// Which run is meant is not known; the addresses say which there are.
fn several(call: &Call, keys: &[RunKey]) -> ApiError {
    let number = match keys.len() >= usize::from(RunById::MAX_KEYS) {
        true => format!("{} flows or more", keys.len()),
        false => format!("{} flows", keys.len()),
    };
    let message = format!("{number} have a run of this id; use one of the addresses in details");
    let mut error = ApiError::new(StatusCode::CONFLICT, "severalRuns", message).with_target("id");
    let details = keys.iter().map(|key| Detail {
        code: "runAddress",
        message: address(*key, &call.root),
        target: Some("id".to_owned()),
    });
    error.details = details.collect();
    error
}
