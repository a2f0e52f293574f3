//! The one transaction: for a report that lost too many races. It runs in a task that nobody drops, on a connection
//! that goes back to the pool only after its transaction has ended for certain.

use std::ops::{Deref, DerefMut};

use flowruns_domain::{
    Change, DecideRun, Decision, Run, RunKey, StoreError, StoreErrorKind, Updated,
};
use sqlx::{PgConnection, PgPool, Postgres, pool::PoolConnection};

use crate::{row::RunRow, update::write};

const LOCK: &str = "
    SELECT id, display_name, start_at, end_at, status, blocking_error, statistics, version, created_at, modified_at
    FROM runs WHERE flow_id = $1 AND tenant_id = $2 AND id = $3 AND deleted_at IS NULL FOR UPDATE";

/// What the transaction came to.
pub(crate) enum Locked {
    Absent,
    Updated(Updated<Run>),
    /// It failed; with the change whose commit was under way.
    Failed(sqlx::Error, Option<Box<Change>>),
}

/// Locks the run, decides, writes and commits. Not retried here.
pub(crate) async fn update(
    pool: &PgPool,
    key: RunKey,
    decide: DecideRun,
) -> Result<Locked, StoreError> {
    let connection = match pool.acquire().await {
        Ok(connection) => connection,
        Err(error) => return Ok(Locked::Failed(error, None)),
    };
    let task = tokio::spawn(async move {
        let mut session = Session(Some(connection));
        let locked = in_transaction(&mut session, key, decide).await?;
        if !matches!(locked, Locked::Failed(..)) {
            session.give_back();
        }
        Ok(locked)
    });
    task.await
        .unwrap_or_else(|panic| Err(StoreError::new(StoreErrorKind::Internal, panic)))
}

async fn in_transaction(
    connection: &mut PgConnection,
    key: RunKey,
    decide: DecideRun,
) -> Result<Locked, StoreError> {
    let mut under_way = None;
    match steps(connection, key, decide, &mut under_way).await {
        Ok(locked) => locked,
        Err(error) => Ok(Locked::Failed(error, under_way.map(Box::new))),
    }
}

async fn steps(
    connection: &mut PgConnection,
    key: RunKey,
    decide: DecideRun,
    under_way: &mut Option<Change>,
) -> Result<Result<Locked, StoreError>, sqlx::Error> {
    sqlx::raw_sql("BEGIN").execute(&mut *connection).await?;
    let query = sqlx::query_as(LOCK)
        .bind(key.flow.uuid())
        .bind(key.tenant.uuid())
        .bind(key.run.uuid());
    let row: Option<RunRow> = query.fetch_optional(&mut *connection).await?;
    let decided = match row.map(|row| row.into_run(key)) {
        None => Ok(Locked::Absent),
        Some(Err(error)) => Err(error),
        Some(Ok(run)) => match decide(&run) {
            Ok(Decision::Unchanged) => Ok(Locked::Updated(Updated::Unchanged(run))),
            Err(rejected) => Ok(Locked::Updated(Updated::Refused(rejected))),
            Ok(Decision::Changed(change)) => {
                write(&mut *connection, &run, &change).await?;
                let changed = change.run.clone();
                *under_way = Some(*change);
                Ok(Locked::Updated(Updated::Changed(changed)))
            }
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
