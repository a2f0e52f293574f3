//! The guard of a run.

use std::{sync::Arc, thread};

use flowruns_domain::{id::RunId, json::JsonObject, run};
use serde::Serialize;
use tokio::{sync::oneshot, time::Instant};

use crate::{
    BlockingError, Client, Error, Outcome, ReportError, RunAddress, StatisticsError, Status,
    Timestamp,
    report::{End, EndReason, Mailbox, TicketKind},
    statistics::members_of,
};

/// A run in progress. It ends exactly once: [`complete`](Self::complete), [`end`](Self::end) and [`fail`](Self::fail) consume it,
/// and dropped without an outcome (a panic, an early return, a dropped future) it reports `failed`.
///
/// An outcome cannot be reported twice:
///
/// ```compile_fail,E0382
/// # async fn example(run: flowruns_client::Run) {
/// run.complete(()).await;
/// run.complete(()).await;
/// # }
/// ```
///
/// Nor can statistics be added after the end:
///
/// ```compile_fail,E0382
/// # async fn example(run: flowruns_client::Run) {
/// run.complete(()).await;
/// run.progress(&());
/// # }
/// ```
///
/// A run that is started and not kept is a warning, and an error with `deny`:
///
/// ```compile_fail
/// #![deny(unused_must_use)]
/// # fn example(flow: flowruns_client::Flow) -> Result<(), flowruns_client::Error> {
/// flow.start_detached("Rosters of 1 March")?;
/// # Ok(())
/// # }
/// ```
#[must_use = "dropped without an outcome it reports failed"]
#[derive(Debug)]
pub struct Run {
    client: Client,
    address: RunAddress,
    mailbox: Arc<Mailbox>,
    has_ended: bool,
    ended_at: Option<Timestamp>,
}

/// An acknowledged end: the server has stored it, or had it stored before.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Ended {
    /// The flow and the run.
    pub address: RunAddress,
    /// The status that is stored: the one that was reported.
    pub status: Status,
}

impl Run {
    pub(crate) const fn new(client: Client, address: RunAddress, mailbox: Arc<Mailbox>) -> Self {
        Self { client, address, mailbox, has_ended: false, ended_at: None }
    }

    /// Its id.
    pub const fn id(&self) -> RunId {
        self.address.run
    }

    /// Its flow and id.
    pub const fn address(&self) -> RunAddress {
        self.address
    }

    /// Adds statistics, any value of serde that is an object in JSON. They are merged (RFC 7396: at every level a null removes a
    /// member) into what waits, and sent at most once a second, so a hot loop costs one request a second. Returns at once.
    ///
    /// Members whose names begin with `@`, and NaN and infinity (null in JSON), are not stored.
    ///
    /// # Errors
    ///
    /// [`StatisticsError`]; then nothing of this call is kept.
    pub fn progress(&self, statistics: &impl Serialize) -> Result<(), StatisticsError> {
        self.mailbox.progress(members_of(statistics)?)
    }

    /// When the job ended, if its outcome is reported later than that. Without it, by the clock of this machine when the outcome is reported.
    pub const fn set_end(&mut self, at: Timestamp) {
        self.ended_at = Some(at);
    }

    /// Ends the run as `completed` with these statistics, `()` for none, and waits for the acknowledgement.
    ///
    /// The outcome is reported when this future is first polled. Dropped after that, it is still sent.
    ///
    /// # Errors
    ///
    /// [`ReportError`]. If the statistics cannot be sent, the run is reported as failed.
    pub async fn complete(self, statistics: impl Serialize) -> Result<Ended, ReportError> {
        self.end_with(Outcome::Completed, statistics).await
    }

    /// Ends the run with this outcome, and waits for the acknowledgement.
    ///
    /// # Errors
    ///
    /// [`ReportError`].
    pub async fn end(self, outcome: Outcome) -> Result<Ended, ReportError> {
        self.end_with(outcome, ()).await
    }

    /// Ends the run with this outcome and statistics, and waits for the acknowledgement.
    ///
    /// # Errors
    ///
    /// [`ReportError`]. If the statistics cannot be sent, the run is reported as failed.
    pub async fn end_with(
        mut self,
        outcome: Outcome,
        statistics: impl Serialize,
    ) -> Result<Ended, ReportError> {
        let checked = self.checked(&statistics);
        drop(statistics);
        let members = match checked {
            Ok(members) => members,
            Err(error) => {
                let cause = BlockingError::from_error("invalidStatistics", &error);
                // What becomes of this report is in the log.
                let _failed = self.fail(cause).await;
                return Err(error.into());
            }
        };
        let (outcome, error) = outcome.into_parts();
        self.report(outcome, error, members).await
    }

    /// Ends the run as `failed`, and waits for the acknowledgement.
    ///
    /// # Errors
    ///
    /// [`ReportError`].
    pub async fn fail(self, error: BlockingError) -> Result<Ended, ReportError> {
        self.fail_with(Some(error), ()).await
    }

    /// Ends the run as `failed` with these statistics, and waits for the acknowledgement. Without an error, what is stored stays.
    ///
    /// # Errors
    ///
    /// [`ReportError`]. If the statistics cannot be sent, the run is reported as failed without them.
    pub async fn fail_with(
        mut self,
        error: Option<BlockingError>,
        statistics: impl Serialize,
    ) -> Result<Ended, ReportError> {
        let (members, invalid) = match self.checked(&statistics) {
            Ok(members) => (members, None),
            Err(invalid) => (JsonObject::default(), Some(invalid)),
        };
        drop(statistics);
        let ended = self.report(run::Outcome::Failed, error, members).await;
        invalid.map_or(ended, |invalid| Err(invalid.into()))
    }

    /// Ends the guard, not the run: another process goes on with it, by [`Flow::adopt`](crate::Flow::adopt).
    pub fn hand_over(mut self) -> RunId {
        self.tell(EndReason::HandedOver, run::Outcome::Failed, None, JsonObject::default());
        self.address.run
    }

    /// Ends the guard of a run that could not be started.
    pub(crate) fn abandon(mut self, reason: EndReason) {
        let error = BlockingError::new("notStarted", "the start of the run was not acknowledged");
        self.tell(reason, run::Outcome::Failed, Some(error), JsonObject::default());
    }

    fn checked(&self, statistics: &impl Serialize) -> Result<JsonObject, StatisticsError> {
        let members = members_of(statistics)?;
        self.mailbox.check(&members)?;
        Ok(members)
    }

    async fn report(
        &mut self,
        outcome: run::Outcome,
        error: Option<BlockingError>,
        statistics: JsonObject,
    ) -> Result<Ended, ReportError> {
        let answer = self.tell(EndReason::Reported, outcome, error, statistics);
        let closed = || ReportError::Unknown { spooled: false, last: Box::new(Error::Closed) };
        answer.await.unwrap_or_else(|_closed| Err(closed()))
    }

    fn tell(
        &mut self,
        reason: EndReason,
        outcome: run::Outcome,
        error: Option<BlockingError>,
        statistics: JsonObject,
    ) -> oneshot::Receiver<Result<Ended, ReportError>> {
        let (answer, answered) = oneshot::channel();
        self.has_ended = true;
        let shared = &self.client.core.shared;
        let end = End {
            reason,
            outcome,
            error: error.map(BlockingError::into_members),
            statistics,
            at: self.ended_at.unwrap_or_else(|| shared.clock.now()),
            answer: Some(answer),
            _ticket: shared.tickets.issue(TicketKind::End),
        };
        self.mailbox.end(end, Instant::now() + shared.deadline);
        answered
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if self.has_ended {
            return;
        }
        let error = match thread::panicking() {
            true => {
                BlockingError::new("panic", "the program panicked before the run had an outcome")
            }
            false => BlockingError::new("noOutcome", "the run was dropped without an outcome"),
        };
        self.tell(EndReason::Dropped, run::Outcome::Failed, Some(error), JsonObject::default());
    }
}
