//! The history of a run, in pages by version.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use flowruns_domain::{
    id::RunKey,
    query::{EventPageRequest, Page},
    run::RunEvent,
    store::StoreError,
    version::Version,
};
use sqlx::{FromRow, PgPool};

use crate::{columns, error::store_error, row::EventRow};

/// The entries of a run lie between its two times, which bounds the monthly partitions that a page reads.
pub(crate) const TIMES: &str = "
    SELECT created_at, modified_at FROM runs
    WHERE flow_id = $1 AND tenant_id = $2 AND id = $3 AND deleted_at IS NULL";

/// The entries of a chunk by version, until their length exceeds `$8` bytes; the first entry in any case. The length is
/// that of the text that is sent: compressed columns take less on disk.
pub(crate) static CHUNK: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {event}, bytes, found FROM (
            SELECT {event}, bytes, sum(bytes) OVER (ORDER BY version) AS total, count(*) OVER () AS found
            FROM (
                SELECT {event}, octet_length(changes::text) + octet_length(actor) + 256 AS bytes
                FROM run_events
                WHERE flow_id = $1 AND tenant_id = $2 AND run_id = $3 AND version > $4 AND occurred_at BETWEEN $5 AND $6
                ORDER BY version LIMIT $7
            ) AS measured
        ) AS counted
        WHERE total <= $8 OR total = bytes
        ORDER BY version",
        event = *columns::EVENT,
    )
});

/// Entries that the database measures in the first statement: the default page and the extra entry. Later statements
/// measure more, as long as entries are short.
const FIRST_CHUNK: usize = 64;

#[derive(FromRow)]
pub(crate) struct ChunkRow {
    #[sqlx(flatten)]
    pub(crate) event: EventRow,
    bytes: i32,
    /// The number of entries that were measured.
    pub(crate) found: i64,
}

/// When the run was created, and when it was last changed.
pub(crate) type Times = (DateTime<Utc>, DateTime<Utc>);

/// A page of the history of a run, without retries; `None` where the run is absent.
pub(crate) async fn list(
    pool: &PgPool,
    key: RunKey,
    page: EventPageRequest,
) -> Result<Option<Page<RunEvent>>, StoreError> {
    match times(pool, key).await? {
        Some(times) => events(pool, key, page, times).await.map(Some),
        None => Ok(None),
    }
}

/// `None` where the run is absent.
pub(crate) async fn times(pool: &PgPool, key: RunKey) -> Result<Option<Times>, StoreError> {
    let (flow, tenant, run) = (key.flow.uuid(), key.tenant.uuid(), key.run.uuid());
    let times = sqlx::query_as(TIMES).bind(flow).bind(tenant).bind(run);
    times.fetch_optional(pool).await.map_err(store_error)
}

async fn events(
    pool: &PgPool,
    key: RunKey,
    page: EventPageRequest,
    times: Times,
) -> Result<Page<RunEvent>, StoreError> {
    // One extra entry shows that another page follows.
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
    sqlx::query_as(CHUNK.as_str())
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
