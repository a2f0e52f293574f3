//! What happens to reports that wait, whatever becomes of their statement.

use flowruns_domain::{Change, Run, RunStatus, StoreError, StoreErrorKind, Updated, property};
use sqlx::PgConnection;
use tokio::time::Instant;

use super::{
    report_chain::{Attempt, ReportJob},
    queue::Job,
};
use crate::{
    error::{may_be_of_one_row, repeated},
    meter::Meter,
};

/// Looks for one's own event, not for a version: that may be another's.
const FIND_OWN: &str = "
    SELECT EXISTS (SELECT FROM run_events
        WHERE flow_id = $1 AND tenant_id = $2 AND run_id = $3 AND version = $4 AND occurred_at = $5 AND event_id = $6)";

/// Lets go those that nobody waits for any more.
pub(super) fn drop_expired<W, A>(jobs: Vec<Job<W, A>>) -> Vec<Job<W, A>> {
    let now = Instant::now();
    let (awaited, late): (Vec<_>, Vec<_>) = jobs.into_iter().partition(|job| job.deadline > now);
    let error = StoreError::new(StoreErrorKind::Unavailable, "it was not written in time");
    fail_all(late, &error);
    awaited
}

/// The same failure for all of them.
pub(super) fn fail_all<W, A>(jobs: Vec<Job<W, A>>, error: &StoreError) {
    for job in jobs {
        job.answer(Err(repeated(error)));
    }
}

/// After a failure that is final: when one report of many may be its cause, each is worth an attempt of its own.
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

/// Which attempt of each of some reports is known now to have been committed, if any.
pub(super) struct Reconciled(Vec<Option<usize>>);

impl Reconciled {
    /// Answers the reports of which an attempt was committed; returns the others, which are to be decided on `stored`.
    /// They keep the attempts that can still be committed: those that were decided on the same version of the row.
    pub(super) fn answer(
        self,
        stored: Option<&Run>,
        jobs: Vec<ReportJob>,
        meter: &Meter,
    ) -> Vec<ReportJob> {
        let version = stored.map(|run| run.version);
        let mut others = Vec::with_capacity(jobs.len());
        for (mut job, committed) in jobs.into_iter().zip(self.0) {
            let unknown = &mut job.work.unknown;
            match committed.filter(|attempt| *attempt < unknown.len()) {
                Some(attempt) => {
                    let change = unknown.swap_remove(attempt).change;
                    count(&change, meter);
                    job.answer(Ok(Some(Updated::Changed(change.run))));
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

/// A status changes but once: when the run ends.
fn count(change: &Change, meter: &Meter) {
    if change
        .event
        .changes
        .iter()
        .any(|change| change.property == property::STATUS)
    {
        meter.ended(RunStatus::Running, &change.run);
    }
}

/// Looks for what earlier attempts may have committed. To be asked after the run was read: what is committed later
/// than this look, the guard refuses.
pub(super) async fn reconciled(
    connection: &mut PgConnection,
    jobs: &[ReportJob],
) -> sqlx::Result<Reconciled> {
    let mut reconciled = Vec::with_capacity(jobs.len());
    for job in jobs {
        reconciled.push(committed_attempt(connection, &job.work.unknown).await?);
    }
    Ok(Reconciled(reconciled))
}

async fn committed_attempt(
    connection: &mut PgConnection,
    attempts: &[Attempt],
) -> sqlx::Result<Option<usize>> {
    for (number, attempt) in attempts.iter().enumerate() {
        if is_committed(connection, &attempt.change).await? {
            return Ok(Some(number));
        }
    }
    Ok(None)
}

async fn is_committed(connection: &mut PgConnection, change: &Change) -> sqlx::Result<bool> {
    let event = &change.event;
    let query = sqlx::query_scalar(FIND_OWN)
        .bind(event.key.flow.uuid())
        .bind(event.key.tenant.uuid())
        .bind(event.key.run.uuid())
        .bind(event.version.number())
        .bind(event.occurred.date_time())
        .bind(event.id.uuid());
    query.fetch_one(connection).await
}
