//! The unit of work: read, decide, and one guarded statement that writes the run and its history entry.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use flowruns_domain::{
    Action, Change, DecideRun, Decision, Run, RunKey, StoreError, StoreErrorKind, Updated,
};
use sqlx::{PgExecutor, PgPool};
use tokio::sync::Mutex;

use crate::{
    error::outcome_is_unknown,
    locked_update::{self, Locked, Work},
    retry::Budget,
    row::bound,
    runs::find_row,
};

/// After so many lost races a report queues for the row instead of racing on.
const RACES: u32 = 2;

const WRITE: &str = "
    WITH written AS (
        UPDATE runs SET display_name = $4, start_at = $5, end_at = $6, status = $7, blocking_error = $8,
            statistics = $9, version = $10, modified_at = $11, deleted_at = $18
        WHERE flow_id = $1 AND tenant_id = $2 AND id = $3 AND version = $17 AND deleted_at IS NULL
        RETURNING 1
    )
    INSERT INTO run_events
        (flow_id, tenant_id, run_id, version, occurred_at, event_id, actor, request_id, action, changes)
    SELECT $1, $2, $3, $10, $11, $12, $13, $14, $15, $16 FROM written";

const FIND_OWN: &str = "
    SELECT EXISTS (SELECT FROM run_events
        WHERE flow_id = $1 AND tenant_id = $2 AND run_id = $3 AND version = $4 AND occurred_at = $5 AND event_id = $6)";

/// Queues of this process for contended runs, first come first served: at most one report of each holds a connection.
pub(crate) struct Queues([Mutex<()>; 64]);

impl Queues {
    pub(crate) fn new() -> Self {
        Self(std::array::from_fn(|_| Mutex::new(())))
    }

    fn of(&self, key: RunKey) -> &Mutex<()> {
        let mut hasher = DefaultHasher::new();
        (key.flow, key.run).hash(&mut hasher);
        let index = hasher.finish() % (self.0.len() as u64);
        &self.0[index as usize]
    }
}

/// Races twice, then queues. Bounded by `retry_for`.
pub(crate) async fn update(
    pool: &PgPool,
    queues: &Queues,
    retry_for: Duration,
    key: RunKey,
    decide: DecideRun,
) -> Result<Option<Updated<Run>>, StoreError> {
    let mut unit = Unit {
        pool,
        key,
        decide,
        budget: Budget::new(retry_for),
        unknown: None,
    };
    for _ in 0..RACES {
        if let Some(answer) = unit.race().await? {
            return Ok(answer.found());
        }
    }
    let turn = tokio::time::timeout(retry_for, queues.of(key).lock()).await;
    let _turn = turn.map_err(|elapsed| StoreError::new(StoreErrorKind::Contention, elapsed))?;
    loop {
        if let Some(answer) = unit.hold().await? {
            return Ok(answer.found());
        }
    }
}

/// What an attempt found, when it was not lost.
enum Answer {
    Absent,
    Found(Updated<Run>),
}

impl Answer {
    fn found(self) -> Option<Updated<Run>> {
        match self {
            Self::Absent => None,
            Self::Found(updated) => Some(updated),
        }
    }
}

struct Unit<'a> {
    pool: &'a PgPool,
    key: RunKey,
    decide: DecideRun,
    budget: Budget,
    /// A change that was sent, and may have been committed although its answer was lost.
    unknown: Option<Change>,
}

impl Unit<'_> {
    /// Reads, decides and writes, guarded by the version. `None`: lost, or worth another attempt.
    async fn race(&mut self) -> Result<Option<Answer>, StoreError> {
        let row = match find_row(self.pool, self.key).await {
            Ok(row) => row,
            Err(error) => {
                return self
                    .budget
                    .retry_after(error, "read a run")
                    .await
                    .map(|()| None);
            }
        };
        // After the read: what is committed later than this look, the guard refuses.
        if let Some(run) = self.committed_before().await? {
            return Ok(Some(Answer::Found(Updated::Changed(run))));
        }
        let Some(row) = row else {
            return Ok(Some(Answer::Absent));
        };
        let run = row.into_run(self.key)?;
        let change = match (self.decide)(&run) {
            Ok(Decision::Changed(change)) => *change,
            Ok(Decision::Unchanged) => return Ok(Some(Answer::Found(Updated::Unchanged(run)))),
            Err(rejected) => return Ok(Some(Answer::Found(Updated::Refused(rejected)))),
        };
        match write(self.pool, &run, &change).await {
            Ok(true) => Ok(Some(Answer::Found(Updated::Changed(change.run)))),
            Ok(false) => self.budget.check().map(|()| None),
            Err(error) => self.failed(error, change).await.map(|()| None),
        }
    }

    /// The same with the row locked.
    async fn hold(&mut self) -> Result<Option<Answer>, StoreError> {
        let work = Work {
            key: self.key,
            decide: self.decide.clone(),
            unknown: self.unknown.clone(),
        };
        match locked_update::update(self.pool, work).await? {
            Locked::Absent => Ok(Some(Answer::Absent)),
            Locked::Updated(updated) => Ok(Some(Answer::Found(updated))),
            Locked::Failed(error, None) => self
                .budget
                .retry_after(error, "lock a run")
                .await
                .map(|()| None),
            Locked::Failed(error, Some(change)) => self.failed(error, *change).await.map(|()| None),
        }
    }

    async fn failed(&mut self, error: sqlx::Error, change: Change) -> Result<(), StoreError> {
        if outcome_is_unknown(&error) {
            self.unknown = Some(change);
        }
        self.budget.retry_after(error, "write a run").await
    }

    /// Looks for one's own event, not for a version: that may be another's.
    async fn committed_before(&mut self) -> Result<Option<Run>, StoreError> {
        while let Some(change) = &self.unknown {
            match is_committed(self.pool, change).await {
                Ok(true) => return Ok(Some(change.run.clone())),
                Ok(false) => return Ok(None),
                Err(error) => self.budget.retry_after(error, "look for an event").await?,
            }
        }
        Ok(None)
    }
}

/// Writes a change in one statement; false when the version is no longer the one that was read.
pub(crate) async fn write(
    executor: impl PgExecutor<'_>,
    read: &Run,
    change: &Change,
) -> Result<bool, sqlx::Error> {
    let is_deletion = change.event.action == Action::Deleted;
    let query = bound(WRITE, change)
        .bind(read.version.number())
        .bind(is_deletion.then_some(change.run.modified.date_time()));
    Ok(query.execute(executor).await?.rows_affected() == 1)
}

/// Whether an event is in the history.
pub(crate) async fn is_committed(
    executor: impl PgExecutor<'_>,
    change: &Change,
) -> Result<bool, sqlx::Error> {
    let event = &change.event;
    let query = sqlx::query_scalar(FIND_OWN)
        .bind(event.key.flow.uuid())
        .bind(event.key.tenant.uuid())
        .bind(event.key.run.uuid())
        .bind(event.version.number())
        .bind(event.occurred.date_time())
        .bind(event.id.uuid());
    query.fetch_one(executor).await
}
