//! What happens to queued jobs apart from the statement: expired deadlines, failures, and earlier attempts with unknown
//! outcomes.

use flowruns_domain::{
    property,
    run::{Run, RunChange, RunStatus},
    store::{StoreError, StoreErrorKind, Updated},
};
use sqlx::PgConnection;
use tokio::time::Instant;

use super::{
    queue::Job,
    report_chain::{ReportJob, WriteAttempt},
};
use crate::{
    error::{may_be_of_one_row, repeated},
    meter::StoreMeter,
};

/// Finds the event of an attempt by its id: another report may have written an event of the same version.
pub(crate) const EVENT_EXISTS: &str = "
    SELECT EXISTS (SELECT FROM run_events
        WHERE flow_id = $1 AND tenant_id = $2 AND run_id = $3 AND version = $4 AND occurred_at = $5 AND event_id = $6)";

/// Removes the jobs whose deadline has passed: their callers have gone.
pub(super) fn drop_expired<W, R>(jobs: Vec<Job<W, R>>) -> Vec<Job<W, R>> {
    let now = Instant::now();
    let (waiting, expired): (Vec<_>, Vec<_>) = jobs.into_iter().partition(|job| job.deadline > now);
    let error = StoreError::new(StoreErrorKind::Unavailable, "it was not written in time");
    fail_all(expired, &error);
    waiting
}

/// Sends the same error to all callers.
pub(super) fn fail_all<W, R>(jobs: Vec<Job<W, R>>, error: &StoreError) {
    for job in jobs {
        job.respond(Err(repeated(error)));
    }
}

/// Handles an error that repeating the statement would not resolve. Where one of several reports may be the cause, they are
/// returned, each to be written in a statement of its own.
pub(super) fn isolate(mut jobs: Vec<ReportJob>, error: &StoreError) -> Vec<ReportJob> {
    if jobs.len() > 1 && may_be_of_one_row(error) {
        for job in &mut jobs {
            job.work.isolated = true;
        }
        return jobs;
    }
    fail_all(jobs, error);
    Vec::new()
}

/// For each of some reports, the attempt that is now known to be committed, if any.
pub(super) struct Reconciled(Vec<Option<usize>>);

impl Reconciled {
    /// Responds to the reports of which an attempt was committed. Returns the others, to be decided on `stored`. They keep
    /// the attempts that can still be committed: those that require the version of `stored`.
    pub(super) fn respond(
        self,
        stored: Option<&Run>,
        jobs: Vec<ReportJob>,
        meter: &StoreMeter,
    ) -> Vec<ReportJob> {
        let version = stored.map(|run| run.version);
        let mut others = Vec::with_capacity(jobs.len());
        for (mut job, committed) in jobs.into_iter().zip(self.0) {
            let unknown = &mut job.work.unknown;
            match committed.filter(|attempt| *attempt < unknown.len()) {
                Some(attempt) => {
                    let change = unknown.swap_remove(attempt).change;
                    count(&change, meter);
                    job.respond(Ok(Some(Updated::Changed(change.run))));
                }
                None => {
                    unknown.retain(|attempt| Some(attempt.seen) == version);
                    others.push(job);
                }
            }
        }
        others
    }
}

/// The status of a run changes only once: when the run ends.
fn count(change: &RunChange, meter: &StoreMeter) {
    if change.event.changes.iter().any(|change| change.property == property::STATUS) {
        meter.ended(RunStatus::Running, &change.run);
    }
}

/// Looks for the events of earlier attempts. Must be called after the run was read: an attempt that is committed after
/// this call changes the version of the row, so that the next write does nothing.
pub(super) async fn reconcile(
    connection: &mut PgConnection,
    jobs: &[ReportJob],
) -> sqlx::Result<Reconciled> {
    let mut committed = Vec::with_capacity(jobs.len());
    for job in jobs {
        committed.push(committed_attempt(connection, &job.work.unknown).await?);
    }
    Ok(Reconciled(committed))
}

async fn committed_attempt(
    connection: &mut PgConnection,
    attempts: &[WriteAttempt],
) -> sqlx::Result<Option<usize>> {
    for (number, attempt) in attempts.iter().enumerate() {
        if is_committed(connection, &attempt.change).await? {
            return Ok(Some(number));
        }
    }
    Ok(None)
}

async fn is_committed(connection: &mut PgConnection, change: &RunChange) -> sqlx::Result<bool> {
    let event = &change.event;
    let query = sqlx::query_scalar(EVENT_EXISTS)
        .bind(event.key.flow.uuid())
        .bind(event.key.tenant.uuid())
        .bind(event.key.run.uuid())
        .bind(event.version.number())
        .bind(event.occurred.date_time())
        .bind(event.id.uuid());
    query.fetch_one(connection).await
}
