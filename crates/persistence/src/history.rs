//! The history of a run, walked by version.

use chrono::{DateTime, Utc};
use flowruns_domain::{EventPageRequest, Page, RunEvent, RunKey, StoreError};
use sqlx::PgPool;

use crate::{error::store_error, row::EventRow};

/// A run's own times bound its history; otherwise a page would touch every month.
const TIMES: &str = "
    SELECT created_at, modified_at FROM runs
    WHERE flow_id = $1 AND tenant_id = $2 AND id = $3 AND deleted_at IS NULL";

const PAGE: &str = "
    SELECT version, occurred_at, event_id, actor, request_id, action, changes FROM run_events
    WHERE flow_id = $1 AND tenant_id = $2 AND run_id = $3 AND version > $4 AND occurred_at BETWEEN $5 AND $6
    ORDER BY version LIMIT $7";

pub(crate) async fn list(
    pool: &PgPool,
    key: RunKey,
    page: EventPageRequest,
) -> Result<Option<Page<RunEvent>>, StoreError> {
    let (flow, tenant, run) = (key.flow.uuid(), key.tenant.uuid(), key.run.uuid());
    let times = sqlx::query_as(TIMES).bind(flow).bind(tenant).bind(run);
    let times: Option<(DateTime<Utc>, DateTime<Utc>)> =
        times.fetch_optional(pool).await.map_err(store_error)?;
    let Some((created, modified)) = times else {
        return Ok(None);
    };
    let rows: Vec<EventRow> = sqlx::query_as(PAGE)
        .bind(flow)
        .bind(tenant)
        .bind(run)
        .bind(page.after.map_or(0, |version| version.number()))
        .bind(created)
        .bind(modified)
        .bind(page.size.rows() as i64 + 1)
        .fetch_all(pool)
        .await
        .map_err(store_error)?;
    let events = rows
        .into_iter()
        .map(|row| row.into_event(key))
        .collect::<Result<_, _>>()?;
    Ok(Some(Page::from_rows(events, page.size)))
}
