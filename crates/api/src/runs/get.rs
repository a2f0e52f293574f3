//! GET a run.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use flowruns_domain::{Preconditions, Run};

use super::{body::RunBody, shape::Shape};
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
    let shape = Shape::read(&call.options(&["select", "expand", "format"])?)?;
    let (address, conditions) = (call.run_address()?, call.conditions()?);
    let run = api.runs.get(address).await?;
    let body = RunBody::shaped(&run, &call.root, &shape.fragment());
    answer_run(&api, body, (&run, &shape), conditions).await
}

/// A single run, or 304.
pub(super) async fn answer_run(
    api: &Api,
    body: RunBody<'_>,
    (run, shape): (&Run, &Shape),
    conditions: Preconditions,
) -> Result<Response, ApiError> {
    if !shape.with_process {
        return respond::entity(&shape.selected(body), &run.tag(), &conditions);
    }
    let flow = api.flows.get(run.key.flow_key()).await?;
    let body = body.with_process(&flow);
    // The tag is that of the run alone, so it does not say whether the client has this process already.
    let if_match = Preconditions::from(conditions.if_match);
    respond::entity(&shape.selected(body), &run.tag(), &if_match)
}
