//! Delivers what is left of a run when its guard ends: the creation and statistics that were not acknowledged, and the end.

use std::collections::VecDeque;

use flowruns_domain::{json::JsonObject, run::RunStatus};
use tracing::warn;

use super::{
    end::{End, EndReason},
    fallback::{Fallback, fallback},
    resolve::{Resolution, resolve},
    step::{Step, StepKind},
    ticket::add_one,
};
use crate::{
    Ended, Error, ReportError, Rule, Status, address::RunAddress, blocking_error::error_chain,
    send::Limit, statistics::combine, worker::Shared,
};

/// The writes that are left of a run, and their deadline.
pub(super) struct Delivery<'a> {
    pub(super) shared: &'a Shared,
    pub(super) address: RunAddress,
    pub(super) limit: Limit,
}

impl Delivery<'_> {
    /// Delivers the end, and tells the guard what became of it.
    pub(super) async fn end(
        &self,
        mut end: End,
        creation: Option<Step>,
        patches: VecDeque<JsonObject>,
    ) {
        let steps = self.steps(&mut end, creation, patches);
        let result = match end.reason {
            EndReason::HandedOver => self.hand_over(steps).await,
            _ => self.deliver(&end, steps).await,
        };
        self.count(&end, &result);
        if let Some(answer) = end.answer.take() {
            // A caller that has gone does not wait for it.
            let _gone = answer.send(result);
        }
    }

    /// Statistics that wait go with the end if one patch can say both.
    fn steps(
        &self,
        end: &mut End,
        creation: Option<Step>,
        mut patches: VecDeque<JsonObject>,
    ) -> VecDeque<Step> {
        if end.reason != EndReason::HandedOver
            && let Some(mut last) = patches.pop_back()
        {
            match combine(&mut last, &end.statistics) {
                true => end.statistics = last,
                false => patches.push_back(last),
            }
        }
        let progress = patches.iter().map(|patch| Step::progress(self.shared.next_id(), patch));
        creation.into_iter().chain(progress).collect()
    }

    async fn deliver(&self, end: &End, mut steps: VecDeque<Step>) -> Result<Ended, ReportError> {
        steps.push_back(end.step(self.shared.next_id()));
        while let Some(step) = steps.front() {
            let Err(error) = self.send(step).await else {
                if step.kind == StepKind::End {
                    return Ok(self.ended(reported(end)));
                }
                steps.pop_front();
                continue;
            };
            if step.kind == StepKind::Progress && !error.is_temporary() {
                warn!(error = %error_chain(&error), "statistics were refused and are dropped");
                steps.pop_front();
                continue;
            }
            match fallback(step, &error, self.shared.next_id()) {
                Some(Fallback::SameOutcome(instead)) => steps = [instead].into(),
                Some(Fallback::Failed(instead)) => {
                    self.fail_instead(instead).await;
                    return Err(refused(error));
                }
                None => return self.not_delivered(end, steps, error).await,
            }
        }
        // The last step is the end, which returns.
        Err(ReportError::Unknown { spooled: false, last: Box::new(Error::Closed) })
    }

    /// Tells the guard that its run could not be created.
    pub(super) async fn not_created(&self, mut end: End, error: Error) {
        let result = Err(refused(error));
        self.count(&end, &result);
        if let Some(answer) = end.answer.take() {
            // A caller that has gone does not wait for it.
            let _gone = answer.send(result);
        }
    }

    async fn hand_over(&self, mut steps: VecDeque<Step>) -> Result<Ended, ReportError> {
        while let Some(step) = steps.front() {
            match self.send(step).await {
                Err(error) if error.is_temporary() => {
                    return Err(self.spooled(steps, error).await);
                }
                Err(error) => {
                    warn!(error = %error_chain(&error), "a report of a run that was handed over is refused");
                }
                Ok(()) => {}
            }
            steps.pop_front();
        }
        Ok(self.ended(Status::Running))
    }

    async fn send(&self, step: &Step) -> Result<(), Error> {
        let request = step.request(&self.shared.server, self.address);
        let answer = self.shared.sender.send(&request, &self.limit).await?;
        step.check(&answer, self.address)
    }

    fn ended(&self, status: Status) -> Ended {
        Ended { address: self.address, status }
    }

    async fn not_delivered(
        &self,
        end: &End,
        steps: VecDeque<Step>,
        error: Error,
    ) -> Result<Ended, ReportError> {
        if !error.is_temporary() {
            return Err(refused(error));
        }
        let is_end = steps.front().is_some_and(|step| step.kind == StepKind::End);
        // Without a token nothing was sent, and without a permission nothing was done.
        let may_be_stored = is_end && matches!(error, Error::Away { .. } | Error::Unreadable(_));
        if may_be_stored {
            match resolve(self.shared, self.address, end).await {
                Resolution::Stored => return Ok(self.ended(reported(end))),
                Resolution::Contradicted(stored) => return Err(contradicted(stored)),
                Resolution::Open => {}
            }
        }
        Err(self.spooled(steps, error).await)
    }

    /// Reports that the run is failed, because its outcome is refused.
    async fn fail_instead(&self, step: Step) {
        if let Err(error) = self.send(&step).await
            && error.is_temporary()
        {
            self.spooled([step].into(), error).await;
        }
    }

    /// Puts what is left into the spool.
    async fn spooled(&self, steps: VecDeque<Step>, error: Error) -> ReportError {
        let spooled = self.shared.spool(self.address, steps).await;
        let error = Box::new(error);
        match *error {
            Error::NotAllowed(_) | Error::Token(_) => ReportError::NotAllowed { spooled, error },
            _ => ReportError::Unknown { spooled, last: error },
        }
    }

    fn count(&self, end: &End, result: &Result<Ended, ReportError>) {
        let totals = &self.shared.totals;
        let is_for_caller = matches!(end.reason, EndReason::Reported);
        let url = self.shared.server.run(self.address);
        match result {
            Ok(_) if end.reason == EndReason::HandedOver => {}
            Ok(_) => add_one(&totals.acknowledged),
            Err(
                ReportError::Unknown { spooled: true, .. }
                | ReportError::NotAllowed { spooled: true, .. },
            ) => add_one(&totals.spooled),
            Err(ReportError::Unknown { .. } | ReportError::NotAllowed { .. }) => {
                add_one(&totals.lost);
            }
            // It was not created, as was assumed.
            Err(ReportError::NotFound(_)) if end.reason == EndReason::NotStarted => {}
            Err(_) => add_one(&totals.refused),
        }
        if let (Err(error), false) = (result, is_for_caller) {
            warn!(run = %url, error = %error_chain(error), "the end of the run was not acknowledged");
        }
    }
}

fn reported(end: &End) -> Status {
    Status::from(RunStatus::Ended(end.outcome))
}

/// A final refusal.
fn refused(error: Error) -> ReportError {
    match error {
        Error::NotFound(_) => ReportError::NotFound(Box::new(error)),
        Error::Invalid(refusal) => ReportError::Invalid { faults: refusal.into_faults() },
        Error::Refused(refusal) => {
            let stored = refusal.stored_status();
            ReportError::Refused { rule: refusal.rule, stored, message: refusal.message }
        }
        error => ReportError::Unknown { spooled: false, last: Box::new(error) },
    }
}

fn contradicted(stored: Status) -> ReportError {
    let message = format!("the run has already ended as {stored}, which is final");
    ReportError::Refused { rule: Rule::ConflictingOutcome, stored: Some(stored), message }
}
