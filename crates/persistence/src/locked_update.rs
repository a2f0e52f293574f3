//! The one transaction: for a report that lost too many races. It runs in a task that nobody drops, on a connection
//! that goes back to the pool only after its transaction has ended for certain.

use std::ops::{Deref, DerefMut};

use flowruns_domain::{
    Change, DecideRun, Decision, Run, RunKey, StoreError, StoreErrorKind, Updated,
};
use sqlx::{PgConnection, PgPool, Postgres, pool::PoolConnection};

use crate::{
    row::RunRow,
    update::{is_committed, write},
};

const LOCK: &str = "
    SELECT id, display_name, start_at, end_at, status, blocking_error, statistics, version, created_at, modified_at
    FROM runs WHERE flow_id = $1 AND tenant_id = $2 AND id = $3 AND deleted_at IS NULL FOR UPDATE";

/// A report that waits for its run.
pub(crate) struct Work {
    pub(crate) key: RunKey,
    pub(crate) decide: DecideRun,
    /// A change of an earlier attempt that may have been committed.
    pub(crate) unknown: Option<Change>,
}

/// What the transaction came to.
pub(crate) enum Locked {
    Absent,
    Updated(Updated<Run>),
    /// It failed; with the change whose commit was under way.
    Failed(sqlx::Error, Option<Box<Change>>),
}

/// Locks the run, decides, writes and commits. Not retried here.
pub(crate) async fn update(pool: &PgPool, work: Work) -> Result<Locked, StoreError> {
    let connection = match pool.acquire().await {
        Ok(connection) => connection,
        Err(error) => return Ok(Locked::Failed(error, None)),
    };
    let task = tokio::spawn(async move {
        let mut session = Session(Some(connection));
        let locked = in_transaction(&mut session, &work).await?;
        if !matches!(locked, Locked::Failed(..)) {
            session.give_back();
        }
        Ok(locked)
    });
    task.await
        .unwrap_or_else(|panic| Err(StoreError::new(StoreErrorKind::Internal, panic)))
}

async fn in_transaction(connection: &mut PgConnection, work: &Work) -> Result<Locked, StoreError> {
    let mut under_way = None;
    match steps(connection, work, &mut under_way).await {
        Ok(locked) => locked,
        Err(error) => Ok(Locked::Failed(error, under_way.map(Box::new))),
    }
}

async fn steps(
    connection: &mut PgConnection,
    work: &Work,
    under_way: &mut Option<Change>,
) -> Result<Result<Locked, StoreError>, sqlx::Error> {
    let Work {
        key,
        decide,
        unknown,
    } = work;
    sqlx::raw_sql("BEGIN").execute(&mut *connection).await?;
    let query = sqlx::query_as(LOCK)
        .bind(key.flow.uuid())
        .bind(key.tenant.uuid())
        .bind(key.run.uuid());
    let row: Option<RunRow> = query.fetch_optional(&mut *connection).await?;
    // With the row locked an earlier attempt has been committed by now, or never will be.
    let committed = match unknown {
        Some(change) if is_committed(&mut *connection, change).await? => Some(change.run.clone()),
        _ => None,
    };
    let decided = match (committed, row.map(|row| row.into_run(*key))) {
        (Some(run), _) => Ok(Locked::Updated(Updated::Changed(run))),
        (None, None) => Ok(Locked::Absent),
        (None, Some(Err(error))) => Err(error),
        (None, Some(Ok(run))) => match decide(&run) {
            Ok(Decision::Unchanged) => Ok(Locked::Updated(Updated::Unchanged(run))),
            Err(rejected) => Ok(Locked::Updated(Updated::Refused(rejected))),
            Ok(Decision::Changed(change)) if write(&mut *connection, &run, &change).await? => {
                let changed = change.run.clone();
                *under_way = Some(*change);
                Ok(Locked::Updated(Updated::Changed(changed)))
            }
            Ok(Decision::Changed(_)) => Err(StoreError::new(
                StoreErrorKind::Internal,
                "the guard refused a row that was locked",
            )),
        },
    };
    sqlx::raw_sql("COMMIT").execute(&mut *connection).await?;
    Ok(decided)
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
