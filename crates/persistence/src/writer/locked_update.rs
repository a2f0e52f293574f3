//! The one transaction: for reports that lost too many races. It runs in a task that nobody drops, on a connection
//! that goes back to the pool only after its transaction has ended for certain.

use std::ops::{Deref, DerefMut};

use flowruns_domain::{RunKey, StoreError};
use sqlx::{PgConnection, PgPool, Postgres, pool::PoolConnection};

use super::{
    chain::{Chain, ReportJob},
    jobs::{self, Settled},
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
pub(super) enum Locked {
    /// Committed.
    Done(Chain),
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
) -> Locked {
    let connection = match pool.acquire().await {
        Ok(connection) => connection,
        Err(error) => {
            if matches!(error, sqlx::Error::PoolTimedOut) {
                meter::acquire_timed_out();
            }
            return Locked::Failed(jobs, error);
        }
    };
    let mut session = Session(Some(connection));
    let locked = steps(&mut session, meter, key, jobs).await;
    if !matches!(locked, Locked::Failed(..)) {
        session.give_back();
    }
    locked
}

async fn steps(
    connection: &mut PgConnection,
    meter: &Meter,
    key: RunKey,
    jobs: Vec<ReportJob>,
) -> Locked {
    let (row, settled) = match lock(connection, key, &jobs).await {
        Ok(locked) => locked,
        Err(error) => return Locked::Failed(jobs, error),
    };
    let run = row.map(|row| row.into_run(key)).transpose();
    let stored = run.as_ref().ok().and_then(Option::as_ref);
    let jobs = settled.answer(stored, jobs, meter);
    let chain = match run {
        // Read and written within one transaction, so it is of no generation of sessions.
        Ok(run) => Chain::decide(key, run, 0, jobs),
        Err(error) => {
            return match commit(connection).await {
                Ok(()) => Locked::Impossible(jobs, error),
                Err(error) => Locked::Failed(jobs, error),
            };
        }
    };
    match write(connection, &chain).await {
        Ok(()) => Locked::Done(chain),
        Err(error) if outcome_is_unknown(&error) => {
            Locked::Failed(chain.unknown().collect(), error)
        }
        Err(error) => Locked::Failed(chain.undecided().collect(), error),
    }
}

async fn lock(
    connection: &mut PgConnection,
    key: RunKey,
    jobs: &[ReportJob],
) -> sqlx::Result<(Option<RunRow>, Settled)> {
    sqlx::raw_sql(BEGIN).execute(&mut *connection).await?;
    let row = sqlx::query_as(LOCK)
        .bind(key.flow.uuid())
        .bind(key.tenant.uuid())
        .bind(key.run.uuid())
        .fetch_optional(&mut *connection)
        .await?;
    // With the row locked no earlier attempt is at work. One that has not begun yet can still be committed after this
    // transaction, unless this one makes a new version.
    let settled = jobs::settled(connection, jobs).await?;
    Ok((row, settled))
}

async fn write(connection: &mut PgConnection, chain: &Chain) -> sqlx::Result<()> {
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
struct Session(Option<PoolConnection<Postgres>>);

impl Session {
    fn give_back(mut self) {
        self.0.take();
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(connection.detach());
        }
    }
}

impl Deref for Session {
    type Target = PgConnection;

    #[expect(
        clippy::expect_used,
        reason = "the connection is there until the session is given back or dropped"
    )]
    fn deref(&self) -> &PgConnection {
        self.0.as_deref().expect("a session holds its connection")
    }
}

impl DerefMut for Session {
    #[expect(
        clippy::expect_used,
        reason = "the connection is there until the session is given back or dropped"
    )]
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.0
            .as_deref_mut()
            .expect("a session holds its connection")
    }
}
