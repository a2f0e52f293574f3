//! Queries of runs with their documents (statistics and blocking errors). The rows of a page are found without them; then
//! as many documents are read as fit into the page, so that the database sends no more, and this process holds no more.

use std::sync::LazyLock;

use flowruns_domain::{
    id::TenantId,
    query::{Continuation, ListedRun, QueryPage, RunPage, RunQuery},
    store::StoreError,
};
use sqlx::{PgPool, Row as _, postgres::PgRow};
use uuid::Uuid;

use super::runs;
use crate::{
    columns,
    error::store_error,
    row::{index_of, listed_run_with_documents},
};

/// Documents that the database measures in one statement. A long one takes it about a millisecond.
const CHUNK: usize = 32;

/// The rows in the order of their keys, until the length of their documents exceeds `$4` bytes; the first row in any
/// case. The length is that of the text that is sent: compressed columns take less on disk. Each row is looked up by its
/// primary key in a subquery, so that no estimate of the planner leads to another plan.
pub(crate) static DOCUMENTS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {run}, key_number, bytes, found
        FROM (
            SELECT {run}, key_number, bytes, sum(bytes) OVER (ORDER BY key_number) AS total, count(*) OVER () AS found
            FROM (
                SELECT run.*, key.key_number,
                    octet_length(statistics::text) + coalesce(octet_length(blocking_error::text), 0) + 512 AS bytes
                FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS key (flow, run, key_number)
                CROSS JOIN LATERAL (
                    SELECT {run}, deleted_at FROM runs
                    WHERE flow_id = key.flow AND id = key.run AND tenant_id = $3
                    LIMIT 1
                ) AS run
                WHERE deleted_at IS NULL
            ) AS measured
        ) AS counted
        WHERE total <= $4 OR total = bytes
        ORDER BY key_number",
        run = *columns::RUN_WITH_DOCUMENTS,
    )
});

struct DocumentRow {
    run: ListedRun,
    /// The number of its key among those that were requested, from 1.
    key_number: i64,
    bytes: i32,
    /// The number of requested runs that exist.
    found: i64,
}

/// A page of a query, with documents where it asks for them.
pub(crate) async fn query_runs(
    pool: &PgPool,
    query: &RunQuery,
) -> Result<Option<RunPage>, StoreError> {
    if !query.details {
        return runs::query_runs(pool, query).await;
    }
    let without = RunQuery { details: false, ..query.clone() };
    match runs::query_runs(pool, &without).await? {
        Some(found) => with_documents(pool, query, found).await.map(Some),
        None => Ok(None),
    }
}

async fn with_documents(
    pool: &PgPool,
    query: &RunQuery,
    found: RunPage,
) -> Result<RunPage, StoreError> {
    let limit = query.size.bytes();
    let mut items = Vec::new();
    let (mut bytes, mut last) = (0, None);
    for summaries in found.items.chunks(CHUNK) {
        let left = limit.saturating_sub(bytes);
        let rows = read(pool, query.scope.tenant(), summaries, left).await?;
        let is_whole = rows.first().is_none_or(|row| usize::try_from(row.found) == Ok(rows.len()));
        for DocumentRow { run, key_number, bytes: length, .. } in rows {
            let length = usize::try_from(length).unwrap_or_default();
            if last.is_some() && bytes + length > limit {
                return Ok(ended_early(items, query, last));
            }
            bytes += length;
            let summary = index_of(key_number).and_then(|index| summaries.get(index));
            let Some(summary) = summary else {
                continue;
            };
            last = Some(summary);
            items.extend(still_found(query, summary, run));
        }
        if !is_whole {
            return Ok(ended_early(items, query, last));
        }
    }
    Ok(QueryPage { items, next: found.next })
}

/// A page whose limit of bytes is reached; the next page begins after the last row that was read.
fn ended_early(items: Vec<ListedRun>, query: &RunQuery, last: Option<&ListedRun>) -> RunPage {
    let next = last.map(|run| Continuation { after: query.order.cursor(&run.summary), skip: 0 });
    QueryPage { items, next }
}

/// A run that has changed since it was found is returned as it is now, or left out if it no longer matches.
fn still_found(query: &RunQuery, found: &ListedRun, run: ListedRun) -> Option<ListedRun> {
    let has_changed = run.summary.version != found.summary.version;
    let filter = query.filter.as_ref().filter(|_| has_changed);
    let matches = filter.is_none_or(|filter| filter.matches(&run.summary));
    matches.then_some(run)
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
    let query = sqlx::query(DOCUMENTS.as_str()).bind(flows).bind(ids);
    let query = query.bind(tenant.uuid());
    let query = query.bind(i64::try_from(bytes).unwrap_or(i64::MAX));
    let rows = query.fetch_all(pool).await.map_err(store_error)?;
    rows.iter().map(|row| document_row(row, tenant)).collect()
}

fn document_row(row: &PgRow, tenant: TenantId) -> Result<DocumentRow, StoreError> {
    let run = listed_run_with_documents(row, tenant)?;
    let numbers = || sqlx::Result::Ok((row.try_get(9)?, row.try_get(10)?, row.try_get(11)?));
    let (key_number, bytes, found) = numbers().map_err(store_error)?;
    Ok(DocumentRow { run, key_number, bytes, found })
}
