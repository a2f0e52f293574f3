//! Flows.

use std::time::Duration;

use flowruns_domain::{
    DecideFlow, Flow, FlowDeleted, FlowKey, FlowPageRequest, Page, StoreError, TenantId, Updated,
};
use sqlx::PgPool;

use crate::{
    error::{is_foreign_key_violation, store_error},
    retry::Budget,
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

const LIST: &str = "
    SELECT id, display_name, readiness_status, data_domain, effective_at, expires_at, version FROM flows
    WHERE tenant_id = $1 AND ($2::uuid IS NULL OR id > $2) ORDER BY id LIMIT $3";

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

pub(crate) async fn create(pool: &PgPool, flow: &Flow) -> Result<(), StoreError> {
    bound(CREATE, flow)
        .execute(pool)
        .await
        .map(drop)
        .map_err(store_error)
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
    pool: &PgPool,
    retry_for: Duration,
    key: FlowKey,
    decide: DecideFlow,
) -> Result<Option<Updated<Flow>>, StoreError> {
    let mut budget = Budget::new(retry_for);
    loop {
        let row = match find_row(pool, key).await {
            Ok(row) => row,
            Err(error) => {
                budget.retry_after(error, "read a flow").await?;
                continue;
            }
        };
        let Some(row) = row else {
            return Ok(None);
        };
        let read = row.into_flow(key.tenant)?;
        let changed = match decide(&read) {
            Ok(Some(changed)) => changed,
            Ok(None) => return Ok(Some(Updated::Unchanged(read))),
            Err(rejected) => return Ok(Some(Updated::Refused(rejected))),
        };
        let written = bound(UPDATE, &changed)
            .bind(read.version.number())
            .execute(pool)
            .await
            .map_err(store_error)?;
        if written.rows_affected() == 1 {
            return Ok(Some(Updated::Changed(changed)));
        }
        budget.check()?;
    }
}

/// Deletes a flow without visible runs, guarded by the version that `decide` saw. Retried within `retry_for`.
pub(crate) async fn delete(
    pool: &PgPool,
    retry_for: Duration,
    key: FlowKey,
    decide: DecideFlow,
) -> Result<Option<FlowDeleted>, StoreError> {
    let budget = Budget::new(retry_for);
    loop {
        let Some(read) = find(pool, key).await? else {
            return Ok(None);
        };
        if let Err(rejected) = decide(&read) {
            return Ok(Some(FlowDeleted::Refused(rejected)));
        }
        let (flow, tenant) = (key.flow.uuid(), key.tenant.uuid());
        let deletion = sqlx::query(DELETE)
            .bind(flow)
            .bind(tenant)
            .bind(read.version.number());
        match deletion.execute(pool).await {
            Ok(done) if done.rows_affected() == 1 => return Ok(Some(FlowDeleted::Done)),
            Ok(_) => {}
            Err(error) if is_foreign_key_violation(&error) => {
                return Ok(Some(FlowDeleted::HasRuns));
            }
            Err(error) => return Err(store_error(error)),
        }
        let has_runs = sqlx::query_scalar(HAS_RUNS).bind(flow).bind(tenant);
        if has_runs.fetch_one(pool).await.map_err(store_error)? {
            return Ok(Some(FlowDeleted::HasRuns));
        }
        budget.check()?;
    }
}

pub(crate) async fn list(
    pool: &PgPool,
    tenant: TenantId,
    page: FlowPageRequest,
) -> Result<Page<Flow>, StoreError> {
    let rows: Vec<FlowRow> = sqlx::query_as(LIST)
        .bind(tenant.uuid())
        .bind(page.after.map(|flow| flow.uuid()))
        .bind(page.size.rows() as i64 + 1)
        .fetch_all(pool)
        .await
        .map_err(store_error)?;
    let flows = rows
        .into_iter()
        .map(|row| row.into_flow(tenant))
        .collect::<Result<_, _>>()?;
    Ok(Page::from_rows(flows, page.size))
}
