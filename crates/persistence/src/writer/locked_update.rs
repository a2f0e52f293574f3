//! The one transaction: for reports that lost too many races. It runs in a task that nobody drops, on a connection
//! that goes back to the pool only after its transaction has ended for certain.

use std::ops::{Deref, DerefMut};

use flowruns_domain::{RunKey, StoreError};
use sqlx::{PgConnection, PgPool, Postgres, pool::PoolConnection};

use super::{
    report_chain::{ReportChain, ReportJob},
    outcomes::{self, Reconciled},
    statements,
};
use crate::{
    error::outcome_is_unknown,
    meter::{self, Meter},
    row::RunRow,
};

/// A row that somebody holds for long is waited for again and again, so that whoever waits can give up meanwhile.
const BEGIN: &str = "BEGIN; SET LOCAL lock_timeout = '1s'";

const LOCK: &str = "
    SELECT id, display_name, start_at, end_at, status, blocking_error, statistics, version, created_at, modified_at
    FROM runs WHERE flow_id = $1 AND tenant_id = $2 AND id = $3 AND deleted_at IS NULL FOR NO KEY UPDATE";

/// What the transaction came to.
pub(super) enum LockedUpdate {
    /// Committed.
    Done(ReportChain),
    /// The row cannot be.
    Impossible(Vec<ReportJob>, StoreError),
    /// It failed, and is perhaps worth another attempt.
    Failed(Vec<ReportJob>, sqlx::Error),
}

/// Locks the run, decides, writes and commits. Not retried here.
pub(super) async fn update(
    pool: &PgPool,
    meter: &Meter,
    key: RunKey,
    jobs: Vec<ReportJob>,
) -> LockedUpdate {
    let connection = match pool.acquire().await {
        Ok(connection) => connection,
        Err(error) => {
            if matches!(error, sqlx::Error::PoolTimedOut) {
                meter::acquire_timed_out();
            }
            return LockedUpdate::Failed(jobs, error);
        }
    };
    let mut guard = TransactionGuard(Some(connection));
    let locked = steps(&mut guard, meter, key, jobs).await;
    if !matches!(locked, LockedUpdate::Failed(..)) {
        guard.release();
    }
    locked
}

async fn steps(
    connection: &mut PgConnection,
    meter: &Meter,
    key: RunKey,
    jobs: Vec<ReportJob>,
) -> LockedUpdate {
    let (row, reconciled) = match lock(connection, key, &jobs).await {
        Ok(locked) => locked,
        Err(error) => return LockedUpdate::Failed(jobs, error),
    };
    let run = row.map(|row| row.into_run(key)).transpose();
    let stored = run.as_ref().ok().and_then(Option::as_ref);
    let jobs = reconciled.answer(stored, jobs, meter);
    let chain = match run {
        // Read and written within one transaction, so it is of no generation of sessions.
        Ok(run) => ReportChain::decide(key, run, 0, jobs),
        Err(error) => {
            return match commit(connection).await {
                Ok(()) => LockedUpdate::Impossible(jobs, error),
                Err(error) => LockedUpdate::Failed(jobs, error),
            };
        }
    };
    match write(connection, &chain).await {
        Ok(()) => LockedUpdate::Done(chain),
        Err(error) if outcome_is_unknown(&error) => {
            LockedUpdate::Failed(chain.unknown().collect(), error)
        }
        Err(error) => LockedUpdate::Failed(chain.undecided().collect(), error),
    }
}

async fn lock(
    connection: &mut PgConnection,
    key: RunKey,
    jobs: &[ReportJob],
) -> sqlx::Result<(Option<RunRow>, Reconciled)> {
    sqlx::raw_sql(BEGIN).execute(&mut *connection).await?;
    let row = sqlx::query_as(LOCK)
        .bind(key.flow.uuid())
        .bind(key.tenant.uuid())
        .bind(key.run.uuid())
        .fetch_optional(&mut *connection)
        .await?;
    // With the row locked no earlier attempt is at work. One that has not begun yet can still be committed after this
    // transaction, unless this one makes a new version.
    let reconciled = outcomes::reconciled(connection, jobs).await?;
    Ok((row, reconciled))
}

async fn write(connection: &mut PgConnection, chain: &ReportChain) -> sqlx::Result<()> {
    if let Some(change) = chain.write() {
        let written = statements::write(&mut *connection, &[change]).await?;
        if !written.contains(&true) {
            let refused = "the guard refused a row that is locked";
            return Err(sqlx::Error::InvalidArgument(refused.to_owned()));
        }
    }
    commit(connection).await
}

async fn commit(connection: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::raw_sql("COMMIT").execute(connection).await.map(drop)
}

/// A connection that is closed rather than given back, unless its transaction has ended.
struct TransactionGuard(Option<PoolConnection<Postgres>>);

impl TransactionGuard {
    fn release(mut self) {
        self.0.take();
    }
}

impl Drop for TransactionGuard {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(connection.detach());
        }
    }
}

impl Deref for TransactionGuard {
    type Target = PgConnection;

    #[expect(
        clippy::expect_used,
        reason = "the connection is there until the guard is given back or dropped"
    )]
    fn deref(&self) -> &PgConnection {
        self.0.as_deref().expect("a guard holds its connection")
    }
}

impl DerefMut for TransactionGuard {
    #[expect(
        clippy::expect_used,
        reason = "the connection is there until the guard is given back or dropped"
    )]
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.0
            .as_deref_mut()
            .expect("a guard holds its connection")
    }
}
