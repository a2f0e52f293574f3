//! Ends runs, and says what became of each.

use flowruns_domain::{
    dashboard::{EventCount, LastEvents},
    id::RunKey,
    json::JsonValue,
    property,
    rejection::Rejection,
    run::{Action, RunAddress, RunEvent, RunStatus, RunSummary, Via, run_tag},
    service::{Environment, Requester, RunService, ServiceError},
    store::{StoreError, StoreErrorKind},
    timestamp::Timestamp,
    version::{IfMatch, Version},
};
use futures_util::{StreamExt as _, stream};

use super::{chosen::StoredChoice, reason::Reason};

/// How many runs are ended at a time, so that one person never fills the queue of writes.
const AT_A_TIME: usize = 8;
/// Among how many of the last entries of a history the end is sought.
const LAST_EVENTS: u16 = 10;

/// What became of a run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum EndOutcome {
    /// This request ended it.
    Ended,
    /// It had ended already, or somebody ended it first.
    AlreadyEnded {
        /// How.
        status: RunStatus,
        /// Who reported the end, if the last entries of its history say so.
        by: Option<ReportedBy>,
    },
    /// It is running and has been reported on since the person saw it, so it was left as it is.
    Changed {
        /// The version now.
        version: Version,
        /// Who reported last.
        by: Option<ReportedBy>,
    },
    /// It does not exist, or not any more.
    Gone,
    /// The rules reject the end; the message says why.
    Rejected(String),
    /// The store failed. The run may have ended or not.
    Unknown,
}

/// Who changed a run, and when.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct ReportedBy {
    /// The actor.
    pub(super) actor: String,
    /// When.
    pub(super) at: Timestamp,
}

/// Ends runs as failed.
pub(super) struct Ending<'a> {
    /// The store, the clock and the ids.
    pub(super) environment: &'a Environment,
    /// The person, and the request.
    pub(super) requester: &'a Requester,
    /// The reason.
    pub(super) reason: &'a Reason,
}

impl Ending<'_> {
    /// Ends each of the runs that still is as the person saw it, and returns one outcome each, in the same order.
    pub(super) async fn end_all(&self, runs: &[(RunKey, StoredChoice)]) -> Vec<EndOutcome> {
        // Collected, because the compiler does not see that a stream of such closures is `Send`.
        let ends: Vec<_> = runs.iter().map(|(key, choice)| self.end(*key, choice)).collect();
        stream::iter(ends).buffered(AT_A_TIME).collect().await
    }

    /// A run that has ended gets no report: the reason would replace its error.
    async fn end(&self, key: RunKey, choice: &StoredChoice) -> EndOutcome {
        let Some(run) = &choice.stored else {
            return EndOutcome::Gone;
        };
        let is_as_seen = run.version == choice.chosen.version;
        if run.state.status() != RunStatus::Running || !is_as_seen {
            return self.outcome_of(run).await;
        }
        match self.report(key, choice.chosen.version).await {
            Ok(()) => EndOutcome::Ended,
            Err(ServiceError::RunNotFound | ServiceError::FlowNotFound) => EndOutcome::Gone,
            Err(ServiceError::Rejected(Rejection::PreconditionFailed | Rejection::Conflict(_))) => {
                self.outcome_now(key).await
            }
            Err(ServiceError::Rejected(rejection)) => EndOutcome::Rejected(rejection.to_string()),
            Err(error) => {
                tracing::warn!(%error, run = %key.run, "a run could not be ended");
                EndOutcome::Unknown
            }
        }
    }

    async fn report(&self, key: RunKey, seen: Version) -> Result<(), ServiceError> {
        let address = RunAddress { key, via: Via::NONE };
        let if_match = IfMatch::OneOf(vec![run_tag(key, seen)]);
        let service = RunService::new(self.environment.clone());
        let report = self.reason.report().ok_or_else(|| {
            StoreError::new(StoreErrorKind::Internal, "a reason that is no error of a run")
        })?;
        service.patch(address, report, if_match, self.requester.clone()).await.map(drop)
    }

    /// The outcome for a run that changed while it was being ended.
    async fn outcome_now(&self, key: RunKey) -> EndOutcome {
        let address = RunAddress { key, via: Via::NONE };
        match RunService::new(self.environment.clone()).get(address).await {
            Ok(run) => {
                let (version, status) = (run.version, run.properties.state.status());
                self.outcome_with(key, version, status).await
            }
            Err(ServiceError::RunNotFound | ServiceError::FlowNotFound) => EndOutcome::Gone,
            Err(_) => EndOutcome::Unknown,
        }
    }

    async fn outcome_of(&self, run: &RunSummary) -> EndOutcome {
        self.outcome_with(run.key, run.version, run.state.status()).await
    }

    async fn outcome_with(&self, key: RunKey, version: Version, status: RunStatus) -> EndOutcome {
        // Without the history the outcome is still known.
        let last = LastEvents::new(EventCount::new(LAST_EVENTS).unwrap_or(EventCount::MAX));
        let found = self.environment.store.last_events(key, last).await;
        let events = found.ok().flatten().map(|page| page.items).unwrap_or_default();
        match status {
            RunStatus::Running => {
                EndOutcome::Changed { version, by: events.first().map(reported_by) }
            }
            RunStatus::Ended(_) => {
                let by = events.iter().find(|event| ends_run(event)).map(reported_by);
                EndOutcome::AlreadyEnded { status, by }
            }
        }
    }
}

fn reported_by(event: &RunEvent) -> ReportedBy {
    ReportedBy { actor: event.actor.clone(), at: event.occurred }
}

/// Whether an entry of the history changed the status from running to another one, or created a run that had ended.
fn ends_run(event: &RunEvent) -> bool {
    let running = JsonValue::from(RunStatus::Running.as_str());
    let status = event.changes.iter().find(|change| change.property == property::STATUS);
    event.action != Action::Deleted && status.is_some_and(|change| change.after != running)
}
