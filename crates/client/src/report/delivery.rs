//! Delivers what is left of a run when its guard ends: the creation and statistics that were not acknowledged, and the end.

use std::collections::VecDeque;

use flowruns_domain::{
    json::JsonObject,
    run::{Outcome, RunStatus},
};
use tracing::warn;

use super::{
    end::{End, EndReason},
    resolve::{Resolution, resolve},
    step::{Step, StepKind},
    ticket::add_one,
};
use crate::{
    BlockingError, Ended, Error, ReportError, Rule, Status,
    address::RunAddress,
    read::RunRecord,
    send::{Answer, Limit},
    statistics::combine,
    worker::Shared,
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
        let with_time = end.reason != EndReason::NotStarted;
        let step = end.step(self.shared.next_id(), with_time);
        steps.push_back(step);
        while let Some(step) = steps.front() {
            let error = match self.send(step).await {
                Ok(answer) if step.kind == StepKind::End => {
                    return self.acknowledged(end, &answer);
                }
                Ok(_) => {
                    steps.pop_front();
                    continue;
                }
                Err(error) => error,
            };
            match (step.kind, error) {
                (StepKind::Progress, error) if !error.is_temporary() => {
                    warn!(%error, "statistics were refused and are dropped");
                    steps.pop_front();
                }
                (StepKind::End, Error::Invalid(refusal))
                    if with_time && refusal.rule.code() == "endBeforeStart" && steps.len() == 1 =>
                {
                    // The start was told by another clock. The server takes its own time for the end.
                    steps = [end.step(self.shared.next_id(), false)].into();
                    return self.deliver_last(end, steps).await;
                }
                (_, error) => return self.not_delivered(end, steps, error).await,
            }
        }
        Err(ReportError::Unknown { spooled: false, last: Box::new(Error::Closed) })
    }

    async fn deliver_last(&self, end: &End, steps: VecDeque<Step>) -> Result<Ended, ReportError> {
        let Some(step) = steps.front() else {
            return Err(ReportError::Unknown { spooled: false, last: Box::new(Error::Closed) });
        };
        match self.send(step).await {
            Ok(answer) => self.acknowledged(end, &answer),
            Err(error) => self.not_delivered(end, steps, error).await,
        }
    }

    async fn hand_over(&self, mut steps: VecDeque<Step>) -> Result<Ended, ReportError> {
        while let Some(step) = steps.front() {
            match self.send(step).await {
                Err(error) if error.is_temporary() => {
                    return Err(self.spooled(steps, error).await);
                }
                Err(error) => warn!(%error, "a report of a run that was handed over is refused"),
                Ok(_) => {}
            }
            steps.pop_front();
        }
        Ok(self.ended(Status::Running))
    }

    async fn send(&self, step: &Step) -> Result<Answer, Error> {
        let request = step.request(&self.shared.server, self.address);
        self.shared.sender.send(&request, &self.limit).await
    }

    /// The response shows the stored run: its status must be the one that was told.
    fn acknowledged(&self, end: &End, answer: &Answer) -> Result<Ended, ReportError> {
        let told = Status::from(RunStatus::Ended(end.outcome));
        match RunRecord::read(answer) {
            Ok(run) if run.address.run == self.address.run && run.status == told => {
                Ok(self.ended(told))
            }
            Ok(run) => {
                let what = format!("a run that is {} and not {told}", run.status);
                Err(ReportError::Unknown {
                    spooled: false,
                    last: Box::new(Error::Unreadable(what)),
                })
            }
            Err(error) => Err(ReportError::Unknown { spooled: false, last: Box::new(error) }),
        }
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
        let is_end = steps.front().is_some_and(|step| step.kind == StepKind::End);
        match error {
            Error::NotFound(_) => Err(ReportError::NotFound(Box::new(error))),
            Error::Invalid(refusal) => {
                if is_end {
                    self.fail_instead(end, "the service refused the report", true).await;
                }
                Err(ReportError::Invalid { faults: refusal.into_faults() })
            }
            Error::Refused(refusal) => {
                let stored = refusal.stored_status();
                if is_end && stored == Some(Status::Running) {
                    let with_error = refusal.rule != Rule::BlockingErrorStored;
                    self.fail_instead(end, "the service refused the report", with_error).await;
                }
                Err(ReportError::Refused { rule: refusal.rule, stored, message: refusal.message })
            }
            error => {
                let is_sent = is_end && matches!(error, Error::Away { .. } | Error::Unreadable(_));
                if is_sent {
                    match resolve(self.shared, self.address, end).await {
                        Resolution::Stored => {
                            return Ok(self.ended(Status::from(RunStatus::Ended(end.outcome))));
                        }
                        Resolution::Contradicted(stored) => return Err(contradicted(stored)),
                        Resolution::Open => {}
                    }
                }
                Err(self.spooled(steps, error).await)
            }
        }
    }

    /// A run whose outcome was refused must not stay running: it is reported as failed.
    async fn fail_instead(&self, end: &End, why: &str, with_error: bool) {
        let message = format!("{why}: it said {}", RunStatus::Ended(end.outcome));
        let error = with_error.then(|| BlockingError::new("reportRefused", message).into_members());
        let body = super::step::PatchBody {
            status: Some(RunStatus::Ended(Outcome::Failed).as_str()),
            end_date_time: None,
            blocking_error: error.as_ref(),
            statistics: &JsonObject::default(),
        };
        let step = Step::end(self.shared.next_id(), &body);
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
        let is_for_caller = matches!(end.reason, EndReason::Told);
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
            warn!(run = %url, error = %crate::blocking_error::chain(error), "the end of the run was not acknowledged");
        }
    }
}

fn contradicted(stored: Status) -> ReportError {
    let message = format!("the run has already ended as {stored}, which is final");
    ReportError::Refused { rule: Rule::ConflictingOutcome, stored: Some(stored), message }
}
