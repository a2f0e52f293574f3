//! The runs of a flow, newest start first, ties by id. No jsonb is read.

use flowruns_domain::{FlowKey, Page, RunPageRequest, RunSummary, StoreError};
use sqlx::PgPool;

use crate::{error::store_error, flows, row::RunSummaryRow};

const FIRST_PAGE: &str = "
    SELECT id, display_name, start_at, end_at, status, version FROM runs
    WHERE flow_id = $1 AND tenant_id = $2 AND deleted_at IS NULL
    ORDER BY start_at DESC, id LIMIT $3";

/// Two ranges of one index, so that even a million runs of one start cost a page what it holds.
const NEXT_PAGE: &str = "
    (SELECT id, display_name, start_at, end_at, status, version FROM runs
     WHERE flow_id = $1 AND tenant_id = $2 AND deleted_at IS NULL AND start_at = $4 AND id > $5
     ORDER BY start_at DESC, id LIMIT $3)
    UNION ALL
    (SELECT id, display_name, start_at, end_at, status, version FROM runs
     WHERE flow_id = $1 AND tenant_id = $2 AND deleted_at IS NULL AND start_at < $4
     ORDER BY start_at DESC, id LIMIT $3)
    ORDER BY start_at DESC, id LIMIT $3";

pub(crate) async fn list(
    pool: &PgPool,
    flow: FlowKey,
    page: RunPageRequest,
) -> Result<Option<Page<RunSummary>>, StoreError> {
    let sql = if page.after.is_some() {
        NEXT_PAGE
    } else {
        FIRST_PAGE
    };
    let limit = page.size.rows() as i64 + 1;
    let mut query = sqlx::query_as(sql)
        .bind(flow.flow.uuid())
        .bind(flow.tenant.uuid())
        .bind(limit);
    if let Some(after) = page.after {
        query = query.bind(after.start.date_time()).bind(after.run.uuid());
    }
    let rows: Vec<RunSummaryRow> = query.fetch_all(pool).await.map_err(store_error)?;
    if rows.is_empty() && flows::find(pool, flow).await?.is_none() {
        return Ok(None);
    }
    let runs = rows
        .into_iter()
        .map(|row| row.into_summary(flow))
        .collect::<Result<_, _>>()?;
    Ok(Some(Page::from_rows(runs, page.size)))
}
