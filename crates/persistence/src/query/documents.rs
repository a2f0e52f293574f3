//! Queries of runs with their documents. The rows of a page are found without them; then the documents are read as far
//! as they fit into the page, so that neither the database sends nor this process holds more.

use flowruns_domain::{Found, FoundRuns, ListedRun, Next, RunQuery, StoreError, TenantId};
use sqlx::{FromRow, PgPool};
use uuid::Uuid;

use super::runs;
use crate::{error::store_error, row::ListedRunRow};

/// How many documents the database measures at once. Each takes it about a millisecond where it is long.
const CHUNK: usize = 32;

/// The rows in their order, until the length of their documents is over `$4`; the first in any case. The length is that
/// of the text which is sent: what a column takes on disk is less where it is compressed. Each row is looked up by its
/// key, whatever the planner believes: the indexes of runs that are not deleted are of no use to the inner query.
const DOCUMENTS: &str = "
    SELECT flow_id, id, display_name, start_at, end_at, status, version, blocking_error, statistics, place, bytes, found
    FROM (
        SELECT flow_id, id, display_name, start_at, end_at, status, version, blocking_error, statistics, place, bytes,
            sum(bytes) OVER (ORDER BY place) AS total, count(*) OVER () AS found
        FROM (
            SELECT run.*, wanted.place,
                octet_length(statistics::text) + coalesce(octet_length(blocking_error::text), 0) + 512 AS bytes
            FROM unnest($1, $2) WITH ORDINALITY AS wanted (flow, run, place)
            CROSS JOIN LATERAL (
                SELECT flow_id, id, display_name, start_at, end_at, status, version, blocking_error, statistics, deleted_at
                FROM runs
                WHERE flow_id = wanted.flow AND id = wanted.run AND tenant_id = $3
                LIMIT 1
            ) AS run
            WHERE deleted_at IS NULL
        ) AS measured
    ) AS counted
    WHERE total <= $4 OR total = bytes
    ORDER BY place";

#[derive(FromRow)]
struct DocumentRow {
    #[sqlx(flatten)]
    run: ListedRunRow,
    /// The place of its key among those that were asked for, from 1.
    place: i64,
    bytes: i32,
    /// How many of those that were asked for exist.
    found: i64,
}

/// A page of a query, with documents where it asks for them.
pub(crate) async fn query_runs(
    pool: &PgPool,
    query: &RunQuery,
) -> Result<Option<FoundRuns>, StoreError> {
    if !query.details {
        return runs::query_runs(pool, query).await;
    }
    let without = RunQuery {
        details: false,
        ..query.clone()
    };
    match runs::query_runs(pool, &without).await? {
        Some(found) => with_documents(pool, query, found).await.map(Some),
        None => Ok(None),
    }
}

async fn with_documents(
    pool: &PgPool,
    query: &RunQuery,
    found: FoundRuns,
) -> Result<FoundRuns, StoreError> {
    let limit = query.size.bytes();
    let mut items = Vec::new();
    let (mut bytes, mut last) = (0, None);
    for summaries in found.items.chunks(CHUNK) {
        let left = limit.saturating_sub(bytes);
        let rows = read(pool, query.scope.tenant(), summaries, left).await?;
        let is_whole = rows
            .first()
            .is_none_or(|row| usize::try_from(row.found) == Ok(rows.len()));
        for DocumentRow {
            run,
            place,
            bytes: length,
            ..
        } in rows
        {
            let length = usize::try_from(length).unwrap_or_default();
            if last.is_some() && bytes + length > limit {
                return Ok(ended_early(items, query, last));
            }
            bytes += length;
            let place = usize::try_from(place - 1).unwrap_or_default();
            let Some(summary) = summaries.get(place) else {
                continue;
            };
            last = Some(summary);
            items.extend(still_found(query, summary, run)?);
        }
        if !is_whole {
            return Ok(ended_early(items, query, last));
        }
    }
    Ok(Found {
        items,
        next: found.next,
    })
}

/// The page goes on after the last row that was read.
fn ended_early(items: Vec<ListedRun>, query: &RunQuery, last: Option<&ListedRun>) -> FoundRuns {
    let next = last.map(|run| Next {
        after: query.order.cursor(&run.summary),
        skip: 0,
    });
    Found { items, next }
}

/// A run that has changed since it was found is shown as it is now, and not at all where it does not match any more.
fn still_found(
    query: &RunQuery,
    found: &ListedRun,
    row: ListedRunRow,
) -> Result<Option<ListedRun>, StoreError> {
    let run = row.into_listed(query.scope.tenant())?;
    let has_changed = run.summary.version != found.summary.version;
    let filter = query.filter.as_ref().filter(|_| has_changed);
    let matches = filter.is_none_or(|filter| filter.matches(&run.summary));
    Ok(matches.then_some(run))
}

async fn read(
    pool: &PgPool,
    tenant: TenantId,
    runs: &[ListedRun],
    bytes: usize,
) -> Result<Vec<DocumentRow>, StoreError> {
    let keys = runs.iter().map(|run| run.summary.key);
    let (flows, ids): (Vec<Uuid>, Vec<Uuid>) =
        keys.map(|key| (key.flow.uuid(), key.run.uuid())).unzip();
    let query = sqlx::query_as(DOCUMENTS).bind(flows).bind(ids);
    let query = query.bind(tenant.uuid());
    let query = query.bind(i64::try_from(bytes).unwrap_or(i64::MAX));
    query.fetch_all(pool).await.map_err(store_error)
}
