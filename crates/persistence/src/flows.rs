//! Flows.

use std::time::Duration;

use flowruns_domain::{
    DecideFlow, Flow, FlowDeleted, FlowKey, StoreError, StoreErrorKind, Updated,
};
use sqlx::PgPool;

use crate::{
    error::{is_foreign_key_violation, is_unique_violation, outcome_is_unknown, store_error},
    pool::Pool,
    retry::RetryBudget,
    row::FlowRow,
};

const FIND: &str = "
    SELECT id, display_name, readiness_status, data_domain, effective_at, expires_at, version FROM flows
    WHERE id = $1 AND tenant_id = $2";

const CREATE: &str = "
    INSERT INTO flows
        (id, tenant_id, version, display_name, readiness_status, data_domain, effective_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

const UPDATE: &str = "
    UPDATE flows SET version = $3, display_name = $4, readiness_status = $5, data_domain = $6, effective_at = $7,
        expires_at = $8
    WHERE id = $1 AND tenant_id = $2 AND version = $9";

/// Deleted runs go with their flow; one that is visible keeps it, and the foreign key keeps it from one that is
/// created meanwhile.
const DELETE: &str = "
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

const HAS_RUNS: &str = "
    SELECT EXISTS (SELECT FROM runs WHERE flow_id = $1 AND tenant_id = $2 AND deleted_at IS NULL)";

const OVERTAKEN: &str = "another change overtook one whose answer was lost";

pub(crate) async fn find(pool: &PgPool, key: FlowKey) -> Result<Option<Flow>, StoreError> {
    find_row(pool, key)
        .await
        .map_err(store_error)?
        .map(|row| row.into_flow(key.tenant))
        .transpose()
}

async fn find_row(pool: &PgPool, key: FlowKey) -> Result<Option<FlowRow>, sqlx::Error> {
    sqlx::query_as(FIND)
        .bind(key.flow.uuid())
        .bind(key.tenant.uuid())
        .fetch_optional(pool)
        .await
}

/// Creates a flow under an id that nobody else has. Retried within `retry_for`.
pub(crate) async fn create(
    pool: &Pool,
    retry_for: Duration,
    flow: &Flow,
) -> Result<(), StoreError> {
    let mut budget = RetryBudget::new(retry_for);
    let mut may_be_there = false;
    loop {
        match pool.execute(bound(CREATE, flow)).await {
            Ok(_) => return Ok(()),
            // An attempt whose answer was lost had succeeded.
            Err(error) if may_be_there && is_unique_violation(&error) => return Ok(()),
            Err(error) => {
                may_be_there |= outcome_is_unknown(&error);
                budget.retry_after(error, "create a flow").await?;
            }
        }
    }
}

fn bound<'q>(
    sql: &'static str,
    flow: &'q Flow,
) -> sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments> {
    let properties = &flow.properties;
    sqlx::query(sql)
        .bind(flow.key.flow.uuid())
        .bind(flow.key.tenant.uuid())
        .bind(flow.version.number())
        .bind(properties.display_name.as_str())
        .bind(properties.readiness_status.as_str())
        .bind(properties.data_domain.as_str())
        .bind(properties.effective.date_time())
        .bind(
            properties
                .expiration
                .map(|expiration| expiration.date_time()),
        )
}

/// Reads, decides and writes, guarded by the version. Retried within `retry_for`.
pub(crate) async fn update(
    pool: &Pool,
    retry_for: Duration,
    key: FlowKey,
    decide: DecideFlow,
) -> Result<Option<Updated<Flow>>, StoreError> {
    let mut budget = RetryBudget::new(retry_for);
    // What an attempt wrote, perhaps, whose answer was lost.
    let mut may_be_written: Option<Flow> = None;
    loop {
        let Some(read) = read_again(pool, &mut budget, key).await? else {
            return Ok(None);
        };
        if let Some(attempt) = &may_be_written {
            if *attempt == read {
                return Ok(Some(Updated::Changed(read)));
            }
            // Whether the attempt was among the changes before this version is not known, and the next one must not be
            // decided on top of it.
            if read.version > attempt.version {
                return Err(StoreError::new(StoreErrorKind::Unavailable, OVERTAKEN));
            }
            // Another change took its version, so it was not written and never will be.
            if read.version == attempt.version {
                may_be_written = None;
            }
        }
        let changed = match decide(&read) {
            Ok(Some(changed)) => changed,
            Ok(None) => return Ok(Some(Updated::Unchanged(read))),
            Err(rejected) if may_be_written.is_none() => {
                return Ok(Some(Updated::Refused(rejected)));
            }
            // A refusal would say that nothing was changed, which is not known.
            Err(_) => return Err(StoreError::new(StoreErrorKind::Unavailable, OVERTAKEN)),
        };
        let update = bound(UPDATE, &changed).bind(read.version.number());
        match pool.execute(update).await {
            Ok(done) if done.rows_affected() == 1 => return Ok(Some(Updated::Changed(changed))),
            Ok(_) => budget.check()?,
            Err(error) => {
                if outcome_is_unknown(&error) {
                    may_be_written = Some(changed);
                }
                budget.retry_after(error, "change a flow").await?;
            }
        }
    }
}

async fn read_again(
    pool: &Pool,
    budget: &mut RetryBudget,
    key: FlowKey,
) -> Result<Option<Flow>, StoreError> {
    loop {
        match find_row(pool.connections(), key).await {
            Ok(row) => return row.map(|row| row.into_flow(key.tenant)).transpose(),
            Err(error) => budget.retry_after(error, "read a flow").await?,
        }
    }
}

/// Deletes a flow without visible runs, guarded by the version that `decide` saw. Retried within `retry_for`.
pub(crate) async fn delete(
    pool: &Pool,
    retry_for: Duration,
    key: FlowKey,
    decide: DecideFlow,
) -> Result<Option<FlowDeleted>, StoreError> {
    let mut budget = RetryBudget::new(retry_for);
    let mut may_be_gone = false;
    loop {
        let Some(read) = read_again(pool, &mut budget, key).await? else {
            // By an attempt whose answer was lost, it may be.
            return Ok(may_be_gone.then_some(FlowDeleted::Done));
        };
        if let Err(rejected) = decide(&read) {
            return Ok(Some(FlowDeleted::Refused(rejected)));
        }
        match delete_once(pool, &read).await {
            Ok(Some(deleted)) => return Ok(Some(deleted)),
            Ok(None) => budget.check()?,
            Err(error) => {
                may_be_gone |= outcome_is_unknown(&error);
                budget.retry_after(error, "delete a flow").await?;
            }
        }
    }
}

/// `None` when the race is lost.
async fn delete_once(pool: &Pool, read: &Flow) -> Result<Option<FlowDeleted>, sqlx::Error> {
    let (flow, tenant) = (read.key.flow.uuid(), read.key.tenant.uuid());
    let deletion = sqlx::query(DELETE)
        .bind(flow)
        .bind(tenant)
        .bind(read.version.number());
    match pool.execute(deletion).await {
        Ok(done) if done.rows_affected() == 1 => return Ok(Some(FlowDeleted::Done)),
        Ok(_) => {}
        Err(error) if is_foreign_key_violation(&error) => return Ok(Some(FlowDeleted::HasRuns)),
        Err(error) => return Err(error),
    }
    let has_runs = sqlx::query_scalar(HAS_RUNS).bind(flow).bind(tenant);
    let has_runs: bool = has_runs.fetch_one(pool.connections()).await?;
    Ok(has_runs.then_some(FlowDeleted::HasRuns))
}
