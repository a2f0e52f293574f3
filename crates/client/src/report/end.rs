//! The end of a guard: an outcome, or that another process goes on with the run.

use flowruns_domain::{
    json::JsonObject,
    run::{Outcome, RunStatus},
    timestamp::Timestamp,
};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::{
    step::{PatchBody, Step},
    ticket::Ticket,
};
use crate::{Ended, ReportError};

/// Why a guard ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum EndReason {
    /// The outcome was reported.
    Reported,
    /// The guard was dropped.
    Dropped,
    /// The caller knows that the run could not be created. If it was created after all, it must not stay running.
    NotStarted,
    /// Another process goes on with the run.
    HandedOver,
}

/// The end of a guard.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) reason: EndReason,
    pub(crate) outcome: Outcome,
    pub(crate) error: Option<JsonObject>,
    pub(crate) statistics: JsonObject,
    /// When the job ended, by the clock of this machine.
    pub(crate) at: Timestamp,
    /// Receives what becomes of the report, if someone waits for it.
    pub(crate) answer: Option<oneshot::Sender<Result<Ended, ReportError>>>,
    /// Unsettled until it is dropped.
    pub(crate) _ticket: Ticket,
}

impl End {
    /// The report.
    pub(crate) fn step(&self, id: Uuid) -> Step {
        Step::end(
            id,
            &PatchBody {
                status: Some(RunStatus::Ended(self.outcome).as_str()),
                // If the run was created after all, the server has a better time than the one of the attempt.
                end_date_time: (self.reason != EndReason::NotStarted).then(|| self.at.to_string()),
                blocking_error: self.error.as_ref().filter(|error| !error.is_empty()),
                statistics: &self.statistics,
            },
        )
    }
}
