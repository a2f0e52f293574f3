//! The history of a run, walked by version.

use chrono::{DateTime, Utc};
use flowruns_domain::{EventPageRequest, Page, RunEvent, RunKey, StoreError, Version};
use sqlx::{FromRow, PgPool};

use crate::{error::store_error, row::EventRow};

/// A run's own times bound its history; otherwise a page would touch every month.
const TIMES: &str = "
    SELECT created_at, modified_at FROM runs
    WHERE flow_id = $1 AND tenant_id = $2 AND id = $3 AND deleted_at IS NULL";

/// The entries of a chunk in their order, until their length is over `$8`; the first in any case. The length is that of
/// the text which is sent: what a column takes on disk is less where it is compressed.
const CHUNK: &str = "
    SELECT version, occurred_at, event_id, actor, request_id, action, changes, bytes, found FROM (
        SELECT version, occurred_at, event_id, actor, request_id, action, changes, bytes,
            sum(bytes) OVER (ORDER BY version) AS total, count(*) OVER () AS found
        FROM (
            SELECT version, occurred_at, event_id, actor, request_id, action, changes,
                octet_length(changes::text) + octet_length(actor) + 256 AS bytes
            FROM run_events
            WHERE flow_id = $1 AND tenant_id = $2 AND run_id = $3 AND version > $4 AND occurred_at BETWEEN $5 AND $6
            ORDER BY version LIMIT $7
        ) AS measured
    ) AS counted
    WHERE total <= $8 OR total = bytes
    ORDER BY version";

/// How many entries the database measures at first; then more, as long as they are short. The first chunk has the
/// default page and the entry to spare.
const FIRST_CHUNK: usize = 64;

#[derive(FromRow)]
struct ChunkRow {
    #[sqlx(flatten)]
    event: EventRow,
    bytes: i32,
    /// How many entries were measured.
    found: i64,
}

/// When the run was created, and when it changed last.
type Times = (DateTime<Utc>, DateTime<Utc>);

pub(crate) async fn list(
    pool: &PgPool,
    key: RunKey,
    page: EventPageRequest,
) -> Result<Option<Page<RunEvent>>, StoreError> {
    let (flow, tenant, run) = (key.flow.uuid(), key.tenant.uuid(), key.run.uuid());
    let times = sqlx::query_as(TIMES).bind(flow).bind(tenant).bind(run);
    let times: Option<Times> = times.fetch_optional(pool).await.map_err(store_error)?;
    match times {
        Some(times) => events(pool, key, page, times).await.map(Some),
        None => Ok(None),
    }
}

async fn events(
    pool: &PgPool,
    key: RunKey,
    page: EventPageRequest,
    times: Times,
) -> Result<Page<RunEvent>, StoreError> {
    // One to spare, which says that another page follows.
    let wanted = page.size.rows() + 1;
    let limit = page.size.bytes();
    let mut events: Vec<RunEvent> = Vec::new();
    let (mut bytes, mut after, mut size) = (0, page.after, FIRST_CHUNK);
    loop {
        let rows = size.min(wanted - events.len());
        let left = limit.saturating_sub(bytes);
        let chunk = read(pool, key, (after, rows, left), times).await?;
        let found = chunk.first().map_or(Ok(0), |row| row.found.try_into());
        let is_whole = found == Ok(chunk.len());
        let is_last = chunk.len() < rows;
        for row in chunk {
            let length = usize::try_from(row.bytes).unwrap_or_default();
            if !events.is_empty() && bytes + length > limit {
                return Ok(Page::ended_early(events, page.size));
            }
            bytes += length;
            let event = row.event.into_event(key)?;
            after = Some(event.version);
            events.push(event);
        }
        if !is_whole {
            return Ok(Page::ended_early(events, page.size));
        }
        if is_last || events.len() == wanted {
            return Ok(Page::from_rows(events, page.size));
        }
        size *= 4;
    }
}

async fn read(
    pool: &PgPool,
    key: RunKey,
    (after, rows, bytes): (Option<Version>, usize, usize),
    (created, modified): Times,
) -> Result<Vec<ChunkRow>, StoreError> {
    let number = |number| i64::try_from(number).unwrap_or(i64::MAX);
    sqlx::query_as(CHUNK)
        .bind(key.flow.uuid())
        .bind(key.tenant.uuid())
        .bind(key.run.uuid())
        .bind(after.map_or(0, Version::number))
        .bind(created)
        .bind(modified)
        .bind(number(rows))
        .bind(number(bytes))
        .fetch_all(pool)
        .await
        .map_err(store_error)
}
