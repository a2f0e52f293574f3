//! Ends runs that are stale, several at a time: `/ui/end`.
//!
//! A list sends the runs that a person has chosen. The first response shows them as they are now and asks for a reason; its
//! form sends them again, each with the version that the page showed. The second response says what became of each run. A run
//! that was reported on in between is left as it is. To send the form again changes nothing.

mod chosen;
mod confirm;
mod outcome;
mod reason;
mod result;

use std::collections::HashSet;

use flowruns_domain::{id::RunKey, run::RunStatus};
use flowruns_http::{ErrorDetail, RequestError, auth::Permission};

use self::{
    chosen::{StoredChoice, read_chosen},
    confirm::Confirmation,
    outcome::Ending,
    reason::Reason,
    result::Ended,
};
use super::runs::flow_names;
use crate::{
    address::{BadAddress, ChosenRun, Parameters, RunsAddress, Statuses},
    links::END,
    page::Page,
    problem::{INVALID_FIELD, Problem},
    request::{FORM_TOKEN, PageRequest},
};

/// The largest number of runs of a form.
const MAX_RUNS: usize = 100;
/// The field of the second form that says that it is that one.
const STEP: &str = "step";
const CONFIRMED: &str = "confirmed";

/// The fields of both forms.
struct EndForm {
    /// Each once.
    runs: Vec<ChosenRun>,
    is_confirmed: bool,
    reason: String,
}

/// The runs in progress: where a person chooses what to end.
///
/// # Errors
///
/// 400 for parameters.
pub(crate) async fn get(request: PageRequest) -> Result<Page, Problem> {
    Parameters::of(request.query()).finish(END)?;
    Ok(Page::redirect(running()))
}

/// Shows the chosen runs, or ends them.
///
/// # Errors
///
/// 403 without the permission to change runs, 400 for a form without runs, 503 when the store is unavailable.
pub(crate) async fn post(request: PageRequest) -> Result<Page, Problem> {
    request.require(Permission::WriteRuns)?;
    let form = EndForm::of(&request)?;
    let environment = &request.dashboard.options.environment;
    let choices = read_chosen(environment, request.tenant(), &form.runs).await?;
    let names = flow_names(environment, request.tenant(), form.runs.iter().map(|run| run.flow));
    let names = names.await?;
    if !form.is_confirmed {
        return Ok(Page::new(Confirmation::new(choices, names, request.now)));
    }
    let reason = match Reason::new(&form.reason) {
        Ok(reason) => reason,
        Err(invalid) => {
            let page = Confirmation::new(choices, names, request.now);
            let page = page.with_invalid_reason(form.reason, invalid);
            return Ok(Page::with_status(INVALID_FIELD, page));
        }
    };
    let ending = Ending { environment, requester: &request.requester(), reason: &reason };
    let keyed: Vec<(RunKey, StoredChoice)> =
        choices.into_iter().map(|choice| (choice.chosen.key(request.tenant()), choice)).collect();
    let outcomes = ending.end_all(&keyed).await;
    let runs = keyed.into_iter().zip(outcomes).collect();
    Ok(Page::new(Ended::new(runs, names, (request.visitor.actor.clone(), request.now))))
}

impl EndForm {
    fn of(request: &PageRequest) -> Result<Self, Problem> {
        let mut fields = request.form();
        let _checked_already = fields.take(FORM_TOKEN, |text| Ok(text.to_owned()));
        let mut runs = fields.take_all("run", MAX_RUNS, |text| {
            text.parse().map_err(|_invalid| "It is not a run of a list.".to_owned())
        });
        let step = fields.take(STEP, |text| match text {
            CONFIRMED => Ok(()),
            _ => Err("This step is not known.".to_owned()),
        });
        let reason = fields.take("reason", |text| Ok(text.to_owned())).unwrap_or_default();
        fields.finish(END).map_err(bad_form)?;
        remove_repeated(&mut runs);
        match runs.is_empty() {
            true => Err(nothing_chosen()),
            false => Ok(Self { runs, is_confirmed: step.is_some(), reason }),
        }
    }
}

/// Keeps the first of several choices of one run.
fn remove_repeated(runs: &mut Vec<ChosenRun>) {
    let mut seen = HashSet::new();
    runs.retain(|chosen| seen.insert((chosen.flow, chosen.run)));
}

/// 400 for a form that no page of this service has. Unlike an address it cannot be shown without what is wrong.
fn bad_form(bad: BadAddress) -> Problem {
    let details = bad.faults.into_iter().map(|fault| ErrorDetail {
        code: "invalidField",
        message: fault.message,
        target: Some(fault.sent),
    });
    let message = format!("Nothing was changed. At most {MAX_RUNS} runs are ended at a time.");
    let error = RequestError::bad_request("invalidForm", message).with_details(details);
    Problem::new(error, "This form was not understood").with_action("Runs in progress", running())
}

fn nothing_chosen() -> Problem {
    let message = "Tick the runs that are stale, then choose End as failed.";
    let error = RequestError::bad_request("nothingChosen", message);
    Problem::new(error, "No run was chosen").with_action("Runs in progress", running())
}

/// The list of the runs in progress.
fn running() -> RunsAddress {
    let statuses = Statuses::new([RunStatus::Running]);
    RunsAddress { statuses, ..RunsAddress::default() }
}
