//! Reads of one run.

use flowruns_domain::{Run, RunKey, StoreError};
use sqlx::PgPool;

use crate::{error::store_error, row::RunRow};

const FIND: &str = "
    SELECT id, display_name, start_at, end_at, status, blocking_error, statistics, version, created_at, modified_at
    FROM runs WHERE flow_id = $1 AND tenant_id = $2 AND id = $3 AND deleted_at IS NULL";

const EXISTS: &str = "
    SELECT EXISTS (SELECT FROM runs WHERE flow_id = $1 AND tenant_id = $2 AND id = $3 AND deleted_at IS NULL)";

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
