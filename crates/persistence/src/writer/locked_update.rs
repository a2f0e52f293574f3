//! The only transaction of several statements: for reports that lost too many races. It runs in a task that is never
//! aborted, on a connection that returns to the pool only after its transaction has certainly ended.

use std::{
    ops::{Deref, DerefMut},
    sync::LazyLock,
};

use flowruns_domain::{id::RunKey, store::StoreError};
use sqlx::{PgConnection, PgPool, Postgres, pool::PoolConnection};

use super::{
    locked_rows::LockedRows,
    outcomes::{self, Reconciled},
    report_chain::{KnownRun, ReportChain, ReportJob},
    statements,
};
use crate::{
    columns,
    error::outcome_is_unknown,
    meter::{self, StoreMeter},
    row::RunRow,
};

/// A row that is locked for long is waited for again and again, so that expired reports can fail meanwhile.
pub(crate) const BEGIN: &str = "BEGIN; SET LOCAL lock_timeout = '1s'";

pub(crate) static LOCK: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {columns} FROM runs
        WHERE flow_id = $1 AND tenant_id = $2 AND id = $3 AND deleted_at IS NULL FOR NO KEY UPDATE",
        columns = *columns::RUN,
    )
});

pub(crate) const COMMIT: &str = "COMMIT";

/// The result of the transaction.
#[expect(
    clippy::large_enum_variant,
    reason = "it is moved twice a transaction, which costs less than an allocation"
)]
pub(super) enum LockedUpdate {
    /// Committed, also if no report changed the run.
    Committed(ReportChain),
    /// The stored row is impossible.
    Corrupt(Vec<ReportJob>, StoreError),
    /// The transaction failed; another attempt may succeed.
    Failed(Vec<ReportJob>, sqlx::Error),
}

/// Locks the run, decides the reports, writes and commits. Not retried here.
pub(super) async fn update(
    pool: &PgPool,
    meter: &StoreMeter,
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
    let update = steps(&mut guard, meter, key, jobs).await;
    if !matches!(update, LockedUpdate::Failed(..)) {
        guard.release();
    }
    update
}

async fn steps(
    connection: &mut PgConnection,
    meter: &StoreMeter,
    key: RunKey,
    jobs: Vec<ReportJob>,
) -> LockedUpdate {
    let (row, reconciled) = match lock(connection, key, &jobs).await {
        Ok(locked) => locked,
        Err(error) => return LockedUpdate::Failed(jobs, error),
    };
    let run = row.map(|row| row.into_run(key)).transpose();
    let stored = run.as_ref().ok().and_then(Option::as_ref);
    let jobs = reconciled.respond(stored, jobs, meter);
    let chain = match run {
        Ok(run) => {
            // Read and written in one transaction, so the generation of connections is irrelevant.
            let known = |run| KnownRun { run, generation: 0, is_cached: false };
            ReportChain::decide(key, run.map(known), jobs)
        }
        Err(error) => {
            return match commit(connection).await {
                Ok(()) => LockedUpdate::Corrupt(jobs, error),
                Err(error) => LockedUpdate::Failed(jobs, error),
            };
        }
    };
    match (write(connection, &chain).await, chain) {
        (Ok(()), chain) => LockedUpdate::Committed(chain),
        (Err(error), ReportChain::Changed(chain)) if outcome_is_unknown(&error) => {
            LockedUpdate::Failed(chain.unknown().collect(), error)
        }
        (Err(error), ReportChain::Changed(chain)) => {
            LockedUpdate::Failed(chain.undecided().collect(), error)
        }
        (Err(error), ReportChain::Unchanged(chain)) => {
            LockedUpdate::Failed(chain.undecided().collect(), error)
        }
    }
}

async fn lock(
    connection: &mut PgConnection,
    key: RunKey,
    jobs: &[ReportJob],
) -> sqlx::Result<(Option<RunRow>, Reconciled)> {
    sqlx::raw_sql(BEGIN).execute(&mut *connection).await?;
    let row = sqlx::query_as(LOCK.as_str())
        .bind(key.flow.uuid())
        .bind(key.tenant.uuid())
        .bind(key.run.uuid())
        .fetch_optional(&mut *connection)
        .await?;
    // While the row is locked no earlier attempt runs. One that has not begun yet can be committed after this transaction,
    // unless this one writes a new version.
    let reconciled = outcomes::reconcile(connection, jobs).await?;
    Ok((row, reconciled))
}

async fn write(connection: &mut PgConnection, chain: &ReportChain) -> sqlx::Result<()> {
    if let ReportChain::Changed(chain) = chain {
        // The row is locked by this transaction, so it is not skipped.
        let write = [chain.write()];
        let written = statements::write(&mut *connection, &write, LockedRows::Skip).await?;
        if !written.contains(&true) {
            let skipped = "the write skipped a row that its transaction has locked";
            return Err(sqlx::Error::InvalidArgument(skipped.to_owned()));
        }
    }
    commit(connection).await
}

async fn commit(connection: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::raw_sql(COMMIT).execute(connection).await.map(drop)
}

/// A connection of the pool that is closed when it is dropped, unless its transaction has ended and it was released.
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
        reason = "a guard has its connection until it is released or dropped"
    )]
    fn deref(&self) -> &PgConnection {
        self.0.as_deref().expect("a guard has its connection")
    }
}

impl DerefMut for TransactionGuard {
    #[expect(
        clippy::expect_used,
        reason = "a guard has its connection until it is released or dropped"
    )]
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.0.as_deref_mut().expect("a guard has its connection")
    }
}
