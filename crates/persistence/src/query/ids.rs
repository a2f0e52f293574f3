//! Runs of listed ids: each id is found along an index, and the rows are put in order afterwards.

use flowruns_domain::{
    Count, CountLimit, Found, FoundRuns, ListedRun, RunQuery, RunScope, SCAN_LIMIT, StoreError,
};
use sqlx::{PgPool, types::Json};
use uuid::Uuid;

use super::{
    Builder,
    predicate::{push_condition, push_run_term},
    runs::SUMMARY,
    scan::EXPLAIN,
};
use crate::{
    error::{is_canceled, store_error},
    row::ListedRunRow,
};

/// A page of the runs that have one of these ids; `None` when so many runs have them that they cannot be put in order
/// here. Within a flow there is one run an id at most.
pub(super) async fn query(
    pool: &PgPool,
    query: &RunQuery,
    ids: &[Uuid],
) -> Result<Option<FoundRuns>, StoreError> {
    let mut sql = Builder::new("");
    push_page(&mut sql, query, ids);
    let rows: Vec<ListedRunRow> = sql
        .build_query_as()
        .persistent(false)
        .fetch_all(pool)
        .await
        .map_err(store_error)?;
    if rows.len() > SCAN_LIMIT {
        return Ok(None);
    }
    let order = query.order;
    let tenant = query.scope.tenant();
    let runs = rows.into_iter().map(|row| row.into_listed(tenant));
    let mut runs = runs.collect::<Result<Vec<ListedRun>, StoreError>>()?;
    let cursor = |run: &ListedRun| order.cursor(&run.summary);
    if let Some(after) = &query.after {
        runs.retain(|run| order.compare(&cursor(run), after).is_gt());
    }
    runs.sort_by(|one, other| order.compare(&cursor(one), &cursor(other)));
    let window = (query.skip, query.size);
    Ok(Some(Found::cut(runs, window, None, cursor)))
}

/// How many of the runs of these ids match.
pub(super) async fn count(
    pool: &PgPool,
    query: &RunQuery,
    ids: &[Uuid],
    limit: CountLimit,
) -> Result<Count, StoreError> {
    let mut sql = Builder::new("");
    push_count(&mut sql, query, ids, limit);
    let counted = sql.build_query_as::<(i64, i64)>().persistent(false);
    match counted.fetch_one(pool).await {
        Ok((matched, scanned)) => Ok(limit.count(matched.unsigned_abs(), scanned.unsigned_abs())),
        Err(error) if is_canceled(&error) => Ok(Count::Unknown),
        Err(error) => Err(store_error(error)),
    }
}

/// How PostgreSQL carries out the statements for a page and for a count.
pub(super) async fn explain(
    pool: &PgPool,
    query: &RunQuery,
    ids: &[Uuid],
    limit: CountLimit,
) -> Result<Vec<String>, StoreError> {
    let (mut page, mut counted) = (Builder::new(EXPLAIN), Builder::new(EXPLAIN));
    push_page(&mut page, query, ids);
    push_count(&mut counted, query, ids, limit);
    let mut plans = Vec::new();
    for mut sql in [page, counted] {
        let explained = sql.build_query_scalar::<Json<serde_json::Value>>();
        let explained = explained.persistent(false).fetch_one(pool);
        plans.push(explained.await.map_err(store_error)?.0.to_string());
    }
    Ok(plans)
}

/// The rows that match, one more than can be put in order.
fn push_page(sql: &mut Builder, query: &RunQuery, ids: &[Uuid]) {
    sql.push("SELECT * FROM (");
    push_rows(sql, query, ids, (SUMMARY, SCAN_LIMIT + 1));
    sql.push(") AS scanned WHERE matched LIMIT ");
    sql.push(SCAN_LIMIT + 1);
}

fn push_count(sql: &mut Builder, query: &RunQuery, ids: &[Uuid], limit: CountLimit) {
    let most = usize::try_from(limit.rows())
        .unwrap_or(usize::MAX)
        .saturating_add(1);
    sql.push("SELECT count(*) FILTER (WHERE matched), count(*) FROM (");
    push_rows(sql, query, ids, ("id", most));
    sql.push(format_args!(" LIMIT {most}) AS scanned"));
}

/// The rows of each id along an index of ids: within a flow its key, which has deleted runs too, as other indexes have not;
/// across flows the one that has the tenant before the ids, which no other has in this order. An id between itself and
/// itself counts in the order, as one that is equal to a constant does not. A comparison of rows would not do: PostgreSQL
/// does not stop at an upper bound whose first column is equal.
fn push_rows(sql: &mut Builder, query: &RunQuery, ids: &[Uuid], (columns, limit): (&str, usize)) {
    sql.push("SELECT run.* FROM unnest(")
        .push_bind(ids.to_vec());
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
