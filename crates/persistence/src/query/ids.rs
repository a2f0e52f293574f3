//! Queries that require one of some ids: the runs of each id are found along an index, and sorted in memory.

use flowruns_domain::{
    query::{Count, CountLimit, ListedRun, QueryPage, RunPage, RunQuery, RunScope, SCAN_LIMIT},
    store::StoreError,
};
use sqlx::PgPool;
use uuid::Uuid;

use super::{
    Builder,
    predicate::{push_condition, push_run_term},
};
use crate::{
    columns,
    error::{is_canceled, store_error},
    row::listed_run,
};

/// A page of the runs that have one of these ids; `None` when they are more than [`SCAN_LIMIT`] runs, which are not sorted
/// here. Within a flow at most one run has an id.
pub(super) async fn query(
    pool: &PgPool,
    query: &RunQuery,
    ids: &[Uuid],
) -> Result<Option<RunPage>, StoreError> {
    let mut sql = page_statement("", query, ids);
    let rows = sql.build().persistent(false).fetch_all(pool).await.map_err(store_error)?;
    if rows.len() > SCAN_LIMIT {
        return Ok(None);
    }
    let order = query.order;
    let tenant = query.scope.tenant();
    let runs = rows.iter().map(|row| listed_run(row, tenant));
    let mut runs = runs.collect::<Result<Vec<ListedRun>, StoreError>>()?;
    let cursor = |run: &ListedRun| order.cursor(&run.summary);
    if let Some(after) = &query.after {
        runs.retain(|run| order.compare(&cursor(run), after).is_gt());
    }
    runs.sort_by(|one, other| order.compare(&cursor(one), &cursor(other)));
    let window = (query.skip, query.size);
    Ok(Some(QueryPage::from_matches(runs, window, None, cursor)))
}

/// Counts the runs of these ids that match.
pub(super) async fn count(
    pool: &PgPool,
    query: &RunQuery,
    ids: &[Uuid],
    limit: CountLimit,
) -> Result<Count, StoreError> {
    let mut sql = count_statement("", query, ids, limit);
    let counted = sql.build_query_as::<(i64, i64)>().persistent(false);
    match counted.fetch_one(pool).await {
        Ok((matched, scanned)) => Ok(limit.count(matched.unsigned_abs(), scanned.unsigned_abs())),
        Err(error) if is_canceled(&error) => Ok(Count::Unknown),
        Err(error) => Err(store_error(error)),
    }
}

/// The statements for a page and for a count, each after `prefix`.
pub(super) fn statements(
    query: &RunQuery,
    ids: &[Uuid],
    limit: CountLimit,
    prefix: &str,
) -> Vec<Builder> {
    vec![page_statement(prefix, query, ids), count_statement(prefix, query, ids, limit)]
}

/// The rows that match, one more than can be sorted here.
fn page_statement(prefix: &str, query: &RunQuery, ids: &[Uuid]) -> Builder {
    let mut sql = Builder::new(prefix);
    sql.push("SELECT * FROM (");
    push_rows(&mut sql, query, ids, (&columns::LISTED_RUN, SCAN_LIMIT + 1));
    sql.push(") AS scanned WHERE matched LIMIT ");
    sql.push(SCAN_LIMIT + 1);
    sql
}

fn count_statement(prefix: &str, query: &RunQuery, ids: &[Uuid], limit: CountLimit) -> Builder {
    let mut sql = Builder::new(prefix);
    let most = usize::try_from(limit.rows()).unwrap_or(usize::MAX).saturating_add(1);
    sql.push("SELECT count(*) FILTER (WHERE matched), count(*) FROM (");
    push_rows(&mut sql, query, ids, ("id", most));
    sql.push(format_args!(" LIMIT {most}) AS scanned"));
    sql
}

/// Finds the rows of each id along an index. Within a flow that is the primary key, which has deleted runs too, unlike
/// the other indexes. Across flows it is the one that has the tenant before the ids: `id >= x AND id <= x` keeps the id in
/// the ORDER BY, so that no other index has the order; `id = x` would let the planner drop it. A comparison of rows would
/// not do: PostgreSQL does not stop at an upper bound whose first column is equal.
fn push_rows(sql: &mut Builder, query: &RunQuery, ids: &[Uuid], (columns, limit): (&str, usize)) {
    sql.push("SELECT run.* FROM unnest(").push_bind(ids.to_vec());
    sql.push(") AS listed(listed_id) CROSS JOIN LATERAL (SELECT ");
    sql.push(columns).push(", (");
    match &query.filter {
        Some(filter) => push_condition(sql, filter, push_run_term),
        None => {
            sql.push("TRUE");
        }
    }
    if let RunScope::Flow(flow) = query.scope {
        sql.push(" AND deleted_at IS NULL AND tenant_id = ");
        sql.push_bind(flow.tenant.uuid());
    }
    sql.push(") AS matched FROM runs WHERE ");
    match query.scope {
        RunScope::Flow(flow) => {
            sql.push("flow_id = ").push_bind(flow.flow.uuid());
            sql.push(" AND id = listed_id");
        }
        RunScope::Tenant(tenant) => {
            sql.push("deleted_at IS NULL AND tenant_id = ");
            sql.push_bind(tenant.uuid());
            sql.push(" AND id >= listed_id AND id <= listed_id ORDER BY id, flow_id");
        }
    }
    sql.push(format_args!(" LIMIT {limit}) AS run"));
}
