//! Flows: the port and its statements.

use std::{cmp::Ordering, sync::LazyLock};

use async_trait::async_trait;
use flowruns_domain::{
    flow::Flow,
    id::{FlowId, FlowKey, TenantId},
    query::{Count, CountLimit, FlowPage, FlowQuery},
    store::{DecideFlow, FlowDeleted, FlowStore, StoreError, StoreErrorKind, Updated},
};
use sqlx::{PgPool, Postgres, postgres::PgArguments, query::Query};

use crate::{
    columns::{self, FLOW_COLUMNS, names, placeholders},
    error::{is_foreign_key_violation, is_unique_violation, outcome_is_unknown, store_error},
    pool::Pool,
    query,
    retry::RetryBudget,
    row::FlowRow,
    store::PostgresStore,
};

pub(crate) static FIND: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {columns} FROM flows WHERE id = $1 AND tenant_id = $2",
        columns = *columns::FLOW,
    )
});

pub(crate) const EXISTS: &str =
    "SELECT EXISTS (SELECT FROM flows WHERE id = $1 AND tenant_id = $2)";

pub(crate) static CREATE: LazyLock<String> = LazyLock::new(|| {
    format!(
        "INSERT INTO flows (id, tenant_id, {}) VALUES ($1, $2, {})",
        names("", &FLOW_COLUMNS),
        placeholders(3, &FLOW_COLUMNS),
    )
});

pub(crate) static UPDATE: LazyLock<String> = LazyLock::new(|| {
    format!(
        "UPDATE flows SET ({}) = ({}) WHERE id = $1 AND tenant_id = $2 AND version = $9",
        names("", &FLOW_COLUMNS),
        placeholders(3, &FLOW_COLUMNS),
    )
});

/// Deletes a flow and its deleted runs. A run that is not deleted keeps the flow; the foreign key keeps it from being
/// deleted while a run is created.
pub(crate) const DELETE: &str = "
    WITH idle AS (
        SELECT id FROM flows WHERE id = $1 AND tenant_id = $2 AND version = $3
        AND NOT EXISTS (SELECT FROM runs WHERE flow_id = $1 AND tenant_id = $2 AND deleted_at IS NULL)
        FOR UPDATE
    ),
    hidden AS (
        DELETE FROM runs WHERE flow_id IN (SELECT id FROM idle) AND flow_id = $1 AND tenant_id = $2
        AND deleted_at IS NOT NULL
    )
    DELETE FROM flows WHERE id IN (SELECT id FROM idle) AND id = $1 AND tenant_id = $2 AND version = $3";

pub(crate) const HAS_RUNS: &str = "
    SELECT EXISTS (SELECT FROM runs WHERE flow_id = $1 AND tenant_id = $2 AND deleted_at IS NULL)";

/// The cause of a change whose outcome stays unknown.
const OVERWRITTEN: &str = "another change followed one whose response was lost";

#[async_trait]
impl FlowStore for PostgresStore {
    async fn find_flow(&self, key: FlowKey) -> Result<Option<Flow>, StoreError> {
        self.read("find a flow", || find(self.pool(), key)).await
    }

    /// Creates a flow under an id that no other flow has.
    async fn create_flow(&self, flow: Flow) -> Result<(), StoreError> {
        let mut budget = RetryBudget::new(&self.pool, self.retry_for);
        let mut may_exist = false;
        loop {
            let creation = bound(sqlx::query(CREATE.as_str()), &flow);
            match self.pool.execute(creation).await {
                Ok(_) => return Ok(()),
                // An earlier attempt, whose response was lost, was committed.
                Err(error) if may_exist && is_unique_violation(&error) => return Ok(()),
                Err(error) => {
                    may_exist |= outcome_is_unknown(&error);
                    budget.retry_after(error, "create a flow").await?;
                }
            }
        }
    }

    async fn update_flow(
        &self,
        key: FlowKey,
        decide: DecideFlow,
    ) -> Result<Option<Updated<Flow>>, StoreError> {
        let mut budget = RetryBudget::new(&self.pool, self.retry_for);
        // The change of an attempt whose outcome is unknown.
        let mut unknown: Option<Flow> = None;
        loop {
            let Some(read) = self.read_within(&mut budget, key).await? else {
                return Ok(None);
            };
            match unknown.as_ref().map(|attempt| attempt_outcome(attempt, &read)) {
                Some(AttemptOutcome::Committed) => return Ok(Some(Updated::Changed(read))),
                Some(AttemptOutcome::Overwritten) => {
                    return Err(StoreError::new(StoreErrorKind::Unavailable, OVERWRITTEN));
                }
                Some(AttemptOutcome::NotCommitted) => unknown = None,
                Some(AttemptOutcome::Unknown) | None => {}
            }
            let changed = match decide(&read) {
                Ok(Some(changed)) => changed,
                Ok(None) => return Ok(Some(Updated::Unchanged(read))),
                Err(rejected) if unknown.is_none() => {
                    return Ok(Some(Updated::Rejected(rejected)));
                }
                // A rejection would say that nothing was changed, which is unknown.
                Err(_) => return Err(StoreError::new(StoreErrorKind::Unavailable, OVERWRITTEN)),
            };
            let update = bound(sqlx::query(UPDATE.as_str()), &changed).bind(read.version.number());
            match self.pool.execute(update).await {
                Ok(done) if done.rows_affected() == 1 => {
                    return Ok(Some(Updated::Changed(changed)));
                }
                Ok(_) => budget.check()?,
                Err(error) => {
                    if outcome_is_unknown(&error) {
                        unknown = Some(changed);
                    }
                    budget.retry_after(error, "change a flow").await?;
                }
            }
        }
    }

    async fn delete_flow(
        &self,
        key: FlowKey,
        decide: DecideFlow,
    ) -> Result<Option<FlowDeleted>, StoreError> {
        let mut budget = RetryBudget::new(&self.pool, self.retry_for);
        let mut may_be_deleted = false;
        loop {
            let Some(read) = self.read_within(&mut budget, key).await? else {
                // An earlier attempt, whose response was lost, may have deleted it.
                return Ok(may_be_deleted.then_some(FlowDeleted::Deleted));
            };
            if let Err(rejected) = decide(&read) {
                return Ok(Some(FlowDeleted::Rejected(rejected)));
            }
            match delete_once(&self.pool, &read).await {
                Ok(Some(deleted)) => return Ok(Some(deleted)),
                Ok(None) => budget.check()?,
                Err(error) => {
                    may_be_deleted |= outcome_is_unknown(&error);
                    budget.retry_after(error, "delete a flow").await?;
                }
            }
        }
    }

    async fn query_flows(&self, query: &FlowQuery) -> Result<FlowPage, StoreError> {
        self.read("query flows", || query::query_flows(self.pool(), query)).await
    }

    async fn count_flows(&self, query: &FlowQuery, limit: CountLimit) -> Result<Count, StoreError> {
        self.read("count flows", || query::count_flows(self.pool(), query, limit)).await
    }

    async fn find_flows(&self, tenant: TenantId, ids: &[FlowId]) -> Result<Vec<Flow>, StoreError> {
        self.read("find flows", || query::find_flows(self.pool(), tenant, ids)).await
    }
}

impl PostgresStore {
    /// Reads a flow within the time of a change.
    async fn read_within(
        &self,
        budget: &mut RetryBudget<'_>,
        key: FlowKey,
    ) -> Result<Option<Flow>, StoreError> {
        loop {
            match find(self.pool(), key).await {
                Err(error) => budget.retry_read_after(error, "read a flow").await?,
                read => return read,
            }
        }
    }
}

/// Whether a change whose response was lost was committed.
enum AttemptOutcome {
    Committed,
    /// Another change has its version, so it was not committed and cannot be any more.
    NotCommitted,
    /// It may have been committed before the version that was read, or not. A new attempt must not be decided on top of it.
    Overwritten,
    /// It may still be committed.
    Unknown,
}

fn attempt_outcome(attempt: &Flow, read: &Flow) -> AttemptOutcome {
    match read.version.cmp(&attempt.version) {
        Ordering::Equal if attempt == read => AttemptOutcome::Committed,
        Ordering::Equal => AttemptOutcome::NotCommitted,
        Ordering::Greater => AttemptOutcome::Overwritten,
        Ordering::Less => AttemptOutcome::Unknown,
    }
}

async fn find(pool: &PgPool, key: FlowKey) -> Result<Option<Flow>, StoreError> {
    let row: Option<FlowRow> = sqlx::query_as(FIND.as_str())
        .bind(key.flow.uuid())
        .bind(key.tenant.uuid())
        .fetch_optional(pool)
        .await
        .map_err(store_error)?;
    row.map(|row| row.into_flow(key.tenant)).transpose()
}

/// Whether a flow exists, without retries.
pub(crate) async fn exists(pool: &PgPool, key: FlowKey) -> Result<bool, StoreError> {
    let exists = sqlx::query_scalar(EXISTS).bind(key.flow.uuid()).bind(key.tenant.uuid());
    exists.fetch_one(pool).await.map_err(store_error)
}

/// Binds a flow: $1 to $8.
fn bound<'q>(
    statement: Query<'q, Postgres, PgArguments>,
    flow: &'q Flow,
) -> Query<'q, Postgres, PgArguments> {
    let properties = &flow.properties;
    let expiration = properties.expiration;
    statement
        .bind(flow.key.flow.uuid())
        .bind(flow.key.tenant.uuid())
        .bind(flow.version.number())
        .bind(properties.display_name.as_str())
        .bind(properties.readiness_status.as_str())
        .bind(properties.data_domain.as_str())
        .bind(properties.effective.date_time())
        .bind(expiration.map(|expiration| expiration.date_time()))
}

/// One attempt to delete a flow; `None` when another change was faster.
async fn delete_once(pool: &Pool, read: &Flow) -> Result<Option<FlowDeleted>, sqlx::Error> {
    let (flow, tenant) = (read.key.flow.uuid(), read.key.tenant.uuid());
    let deletion = sqlx::query(DELETE).bind(flow).bind(tenant).bind(read.version.number());
    match pool.execute(deletion).await {
        Ok(done) if done.rows_affected() == 1 => return Ok(Some(FlowDeleted::Deleted)),
        Ok(_) => {}
        Err(error) if is_foreign_key_violation(&error) => return Ok(Some(FlowDeleted::HasRuns)),
        Err(error) => return Err(error),
    }
    let has_runs = sqlx::query_scalar(HAS_RUNS).bind(flow).bind(tenant);
    let has_runs: bool = has_runs.fetch_one(pool.connections()).await?;
    Ok(has_runs.then_some(FlowDeleted::HasRuns))
}
