//! What is sent instead of an end that the service refuses. A run whose end was reported must not stay running.

use flowruns_domain::{
    json::JsonObject,
    run::{Outcome, RunStatus},
};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::step::{PatchBody, Step, StepKind};
use crate::{BlockingError, Error, Rule, Status};

/// The 413 of a server whose limit is lower than that of the client.
const PAYLOAD_TOO_LARGE: u16 = 413;

/// What is sent instead of an end.
#[derive(Debug)]
pub(crate) enum Fallback {
    /// The same outcome. The server takes its own time, because the start was reported by another clock.
    SameOutcome(Step),
    /// The run is failed, because its outcome is refused and it would stay running. The refusal is still the result.
    Failed(Step),
}

/// What to send instead of a step, with the id of the new step. `None` when the refusal is final, or the step is no end.
pub(crate) fn fallback(step: &Step, error: &Error, id: Uuid) -> Option<Fallback> {
    if step.kind != StepKind::End {
        return None;
    }
    let mut body: Map<String, Value> = serde_json::from_slice(&step.body).ok()?;
    match error {
        Error::Invalid(refusal) if refusal.rule.code() == "endBeforeStart" => {
            let without_time = body.remove("endDateTime").map(|_| Step::of_json(id, &body));
            without_time.map(Fallback::SameOutcome).or_else(|| failed(&body, id, true))
        }
        Error::Invalid(_) => failed(&body, id, true),
        Error::Refused(refusal)
            if refusal.stored_status() == Some(Status::Running)
                || refusal.status == PAYLOAD_TOO_LARGE =>
        {
            failed(&body, id, refusal.rule != Rule::BlockingErrorStored)
        }
        _ => None,
    }
}

/// The report that the run is failed; without an error beside one that is stored.
fn failed(refused: &Map<String, Value>, id: Uuid, with_error: bool) -> Option<Fallback> {
    let reported = refused.get("status")?.as_str()?;
    let message = format!("the service refused the report: it said {reported}");
    let error = with_error.then(|| BlockingError::new("reportRefused", message).into_members());
    let body = PatchBody {
        status: Some(RunStatus::Ended(Outcome::Failed).as_str()),
        end_date_time: None,
        blocking_error: error.as_ref(),
        statistics: &JsonObject::default(),
    };
    Some(Fallback::Failed(Step::end(id, &body)))
}
