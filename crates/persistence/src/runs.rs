//! Reads of one run, by its key or by its id alone.

use flowruns_domain::{FlowId, Run, RunId, RunKey, StoreError, StoreErrorKind, TenantId};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{error::store_error, row::RunRow};

const FIND: &str = "
    SELECT id, display_name, start_at, end_at, status, blocking_error, statistics, version, created_at, modified_at
    FROM runs WHERE flow_id = $1 AND tenant_id = $2 AND id = $3 AND deleted_at IS NULL";

const EXISTS: &str = "
    SELECT EXISTS (SELECT FROM runs WHERE flow_id = $1 AND tenant_id = $2 AND id = $3 AND deleted_at IS NULL)";

/// The id lies between itself and itself: so it counts in the order, which the index of a tenant's ids alone has.
const FLOWS_OF_ID: &str = "
    SELECT flow_id FROM runs WHERE tenant_id = $1 AND id >= $2 AND id <= $2 AND deleted_at IS NULL
    ORDER BY id, flow_id LIMIT $3";

/// The keys of a tenant's runs of this id, by flow id.
pub(crate) async fn find_keys(
    pool: &PgPool,
    tenant: TenantId,
    run: RunId,
    limit: u16,
) -> Result<Vec<RunKey>, StoreError> {
    let query = sqlx::query_scalar(FLOWS_OF_ID)
        .bind(tenant.uuid())
        .bind(run.uuid())
        .bind(i64::from(limit));
    let flows: Vec<Uuid> = query.fetch_all(pool).await.map_err(store_error)?;
    let key = |flow: Uuid| {
        let flow = FlowId::new(flow).map_err(|_nil| StoreError {
            kind: StoreErrorKind::Corrupt {
                table: "runs",
                column: "flow_id",
                id: run.to_string(),
            },
            source: None,
        })?;
        Ok(RunKey { tenant, flow, run })
    };
    flows.into_iter().map(key).collect()
}

pub(crate) async fn find(pool: &PgPool, key: RunKey) -> Result<Option<Run>, StoreError> {
    find_row(pool, key)
        .await
        .map_err(store_error)?
        .map(|row| row.into_run(key))
        .transpose()
}

pub(crate) async fn find_row(
    executor: impl sqlx::PgExecutor<'_>,
    key: RunKey,
) -> Result<Option<RunRow>, sqlx::Error> {
    let query = sqlx::query_as(FIND)
        .bind(key.flow.uuid())
        .bind(key.tenant.uuid())
        .bind(key.run.uuid());
    query.fetch_optional(executor).await
}

pub(crate) async fn exists(pool: &PgPool, key: RunKey) -> Result<bool, StoreError> {
    let query = sqlx::query_scalar(EXISTS)
        .bind(key.flow.uuid())
        .bind(key.tenant.uuid())
        .bind(key.run.uuid());
    query.fetch_one(pool).await.map_err(store_error)
}
