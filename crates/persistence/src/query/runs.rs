//! Queries of runs, of one flow or of a tenant.

use flowruns_domain::{
    query::{
        Comparison, Count, CountLimit, Direction, EnumComparison, ListedRun, Operator, QueryPage,
        RunCursor, RunFilter, RunOrder, RunPage, RunPredicate, RunQuery, RunScope, RunSort,
        TextComparison,
    },
    run::RunStatus,
    store::StoreError,
};
use sqlx::{PgPool, postgres::PgRow};
use uuid::Uuid;

use super::{
    Builder, ids,
    keyset::{Keyset, KeysetPosition},
    plan::RunPlan,
    predicate::{push_condition, push_key_bounds, push_name_bounds, push_run_term},
    scan::{self, IndexScan, RowFilter, RowReader, ScanResult},
};
use crate::{
    columns::{self, NAME},
    flows,
    row::listed_run,
};

/// A page of runs without their documents; `None` where the flow is absent.
pub(crate) async fn query_runs(
    pool: &PgPool,
    query: &RunQuery,
) -> Result<Option<RunPage>, StoreError> {
    let page = query_known_runs(pool, query).await?;
    // A run shows that its flow exists.
    let exists = !page.items.is_empty() || scope_exists(pool, query.scope).await?;
    Ok(exists.then_some(page))
}

/// A page of runs without their documents, for a caller that knows whether the flow exists. The page is empty if it does not.
pub(crate) async fn query_known_runs(
    pool: &PgPool,
    query: &RunQuery,
) -> Result<RunPage, StoreError> {
    match RunPlan::of(query) {
        RunPlan::Nothing => Ok(QueryPage { items: Vec::new(), next: None }),
        RunPlan::Ids(listed) => match ids::query(pool, query, &listed).await? {
            Some(found) => Ok(found),
            None => read_along_index(pool, query).await,
        },
        RunPlan::Scan { .. } => read_along_index(pool, query).await,
    }
}

async fn read_along_index(pool: &PgPool, query: &RunQuery) -> Result<RunPage, StoreError> {
    let order = query.order;
    let position = |run: &ListedRun| position(query.scope, order.cursor(&run.summary));
    let read = |row: &PgRow| listed_run(row, query.scope.tenant());
    let reader = RowReader { read: &read, position: &position };
    let scan = index_scan(query, order);
    let ScanResult { rows, end } =
        scan::page(pool, &scan, &reader, after(query), rows_to_read(query)).await?;
    let end = end.and_then(|position| cursor(query.scope, position));
    let window = (query.skip, query.size);
    Ok(QueryPage::from_matches(rows, window, end, |run| order.cursor(&run.summary)))
}

/// Counts the runs of a query; `None` where the flow is absent.
pub(crate) async fn count_runs(
    pool: &PgPool,
    query: &RunQuery,
    limit: CountLimit,
) -> Result<Option<Count>, StoreError> {
    if !scope_exists(pool, query.scope).await? {
        return Ok(None);
    }
    match RunPlan::of(query) {
        RunPlan::Nothing => Ok(Some(Count::Exactly(0))),
        RunPlan::Ids(listed) => ids::count(pool, query, &listed, limit).await.map(Some),
        RunPlan::Scan { .. } => {
            let counted = queries_to_count(query);
            scan::count(pool, &index_scans(&counted), limit).await.map(Some)
        }
    }
}

/// The plans of the statements that [`query_runs`] and [`count_runs`] send, as JSON.
pub(crate) async fn explain_runs(
    pool: &PgPool,
    query: &RunQuery,
    limit: CountLimit,
) -> Result<Vec<String>, StoreError> {
    scan::explain(pool, statements(query, limit, scan::EXPLAIN)).await
}

/// The statements for a page and for a count, each after `prefix`.
pub(crate) fn statements(query: &RunQuery, limit: CountLimit, prefix: &str) -> Vec<Builder> {
    match RunPlan::of(query) {
        RunPlan::Nothing => Vec::new(),
        RunPlan::Ids(listed) => ids::statements(query, &listed, limit, prefix),
        RunPlan::Scan { .. } => {
            let (page, counted) = (index_scan(query, query.order), queries_to_count(query));
            let page = (&page, after(query), rows_to_read(query));
            scan::statements(prefix, page, (&index_scans(&counted), limit))
        }
    }
}

fn after(query: &RunQuery) -> Option<KeysetPosition> {
    let after = query.after.clone();
    after.map(|cursor| position(query.scope, cursor))
}

/// One extra row shows that another page follows.
fn rows_to_read(query: &RunQuery) -> usize {
    query.skip + query.size.rows() + 1
}

/// The queries whose counts add up to the count of this one, each in the order of the index with the fewest rows to read.
/// Where the filter excludes some statuses, the runs of each other status are counted along the index with the status.
fn queries_to_count(query: &RunQuery) -> Vec<RunQuery> {
    let order = RunOrder { sort: order_of_count(query), ..RunOrder::default() };
    let ordered = |filter| RunQuery { filter, order, ..query.clone() };
    let Some(filter) = query.filter.as_ref().filter(|_| order.sort == RunSort::Start) else {
        return vec![ordered(query.filter.clone())];
    };
    let statuses = filter.possible_statuses();
    if statuses.len() == RunStatus::ALL.len() {
        return vec![ordered(Some(filter.clone()))];
    }
    let of_status = |status| {
        let is_status = RunPredicate::Status(EnumComparison::Eq(Some(status)));
        RunFilter::And(vec![RunFilter::Predicate(is_status), filter.clone()])
    };
    let filters = statuses.into_iter().map(of_status);
    filters.map(|filter| ordered(Some(filter))).collect()
}

fn index_scans(queries: &[RunQuery]) -> Vec<IndexScan<'_>> {
    let scans = queries.iter().map(|query| index_scan(query, query.order));
    scans.collect()
}

/// The only status that can match, if the index of this order begins with the status.
fn status(query: &RunQuery, order: RunOrder) -> Option<RunStatus> {
    match RunPlan::of(query) {
        RunPlan::Scan { status } => status.filter(|_| order.sort == RunSort::Start),
        RunPlan::Nothing | RunPlan::Ids(_) => None,
    }
}

/// A statement of its own, since the index of a flow's runs does not begin with the tenant.
async fn scope_exists(pool: &PgPool, scope: RunScope) -> Result<bool, StoreError> {
    match scope {
        RunScope::Flow(flow) => flows::exists(pool, flow).await,
        RunScope::Tenant(_) => Ok(true),
    }
}

/// The order of the index with the fewest rows to read.
fn order_of_count(query: &RunQuery) -> RunSort {
    let required = query.filter.as_ref().map(RunFilter::required);
    let required = required.unwrap_or_default();
    let sorts = required.iter().filter_map(|term| match term {
        RunPredicate::DisplayName(TextComparison::Whole(Comparison::Compare(Operator::Ne, _))) => {
            None
        }
        RunPredicate::DisplayName(TextComparison::Whole(_) | TextComparison::StartsWith(_)) => {
            Some(RunSort::DisplayName)
        }
        RunPredicate::End(Comparison::Compare(operator, Some(_))) if *operator != Operator::Ne => {
            Some(RunSort::End)
        }
        RunPredicate::Start(Comparison::Compare(..)) | RunPredicate::Status(_) => {
            Some(RunSort::Start)
        }
        _ => None,
    });
    let sorts: Vec<RunSort> = sorts.collect();
    match sorts.contains(&RunSort::Start) {
        true => RunSort::Start,
        false => sorts.first().copied().unwrap_or(RunSort::Start),
    }
}

fn index_scan(query: &RunQuery, order: RunOrder) -> IndexScan<'_> {
    let (key, index) = match order.sort {
        RunSort::Start => (Some(("start_at", "start_at")), Direction::Descending),
        RunSort::End => (Some(("end_at", "end_at")), Direction::Descending),
        RunSort::DisplayName => (Some((NAME, "display_name")), Direction::Ascending),
        RunSort::Id => (None, Direction::Ascending),
    };
    let status = status(query, order);
    IndexScan {
        table: "runs",
        columns: &columns::LISTED_RUN,
        keyset: Keyset {
            prefix: status.map(|_| "status"),
            key,
            ids: match query.scope {
                RunScope::Flow(_) => &["id"],
                RunScope::Tenant(_) => &["id", "flow_id"],
            },
            direction: order.direction,
            ties: order.ties,
            index,
            nullable: order.sort == RunSort::End,
        },
        push_bounds: Box::new(move |sql| push_bounds(sql, query, order.sort, status)),
        filter: filter(query, order.sort),
    }
}

/// Pushes the conditions that bound the index of this order.
fn push_bounds(sql: &mut Builder, query: &RunQuery, sort: RunSort, status: Option<RunStatus>) {
    match query.scope {
        RunScope::Flow(flow) => {
            sql.push(" WHERE flow_id = ").push_bind(flow.flow.uuid());
        }
        RunScope::Tenant(tenant) => {
            sql.push(" WHERE tenant_id = ").push_bind(tenant.uuid());
        }
    }
    if sort != RunSort::Id {
        sql.push(" AND deleted_at IS NULL");
    }
    if let Some(status) = status {
        push_status(sql, status);
    }
    let required = query.filter.iter().flat_map(RunFilter::required);
    for term in required {
        push_bound(sql, sort, term);
    }
}

/// The order begins with the status, so only an index with the status has it. If the status were equal to a constant, the
/// planner would drop it from the order, and could choose an index without the status. A scan of that index reads rows of
/// other statuses too, which do not count towards the scan limit.
fn push_status(sql: &mut Builder, status: RunStatus) {
    sql.push(" AND status LIKE '").push(status.as_str()).push("'");
}

fn push_bound(sql: &mut Builder, sort: RunSort, term: &RunPredicate) {
    match (sort, term) {
        (RunSort::Start, RunPredicate::Start(Comparison::Compare(operator, Some(time)))) => {
            push_key_bounds(sql, "start_at", *operator, &time.date_time());
        }
        (RunSort::End, RunPredicate::End(Comparison::Compare(operator, Some(time)))) => {
            push_key_bounds(sql, "end_at", *operator, &time.date_time());
        }
        (RunSort::Id, RunPredicate::Id(Comparison::Compare(operator, Some(id)))) => {
            push_key_bounds(sql, "id", *operator, id);
        }
        (RunSort::DisplayName, RunPredicate::DisplayName(test)) => push_name_bounds(sql, test),
        _ => {}
    }
}

/// The index of the ids has deleted runs too.
fn filter(query: &RunQuery, sort: RunSort) -> RowFilter<'_> {
    match query.scope {
        _ if query.filter.is_some() || sort == RunSort::Id => {
            RowFilter::Condition(Box::new(move |sql| push_filter(sql, query, sort)))
        }
        RunScope::Flow(flow) => RowFilter::Tenant(Some(flow.tenant)),
        RunScope::Tenant(_) => RowFilter::Tenant(None),
    }
}

/// The tenant is part of the filter, not of the bounds, so that the runs of a flow are not read along an index that begins
/// with the tenant.
fn push_filter(sql: &mut Builder, query: &RunQuery, sort: RunSort) {
    sql.push("(");
    if let RunScope::Flow(flow) = query.scope {
        sql.push("tenant_id = ").push_bind(flow.tenant.uuid());
        sql.push(" AND ");
    }
    if sort == RunSort::Id {
        sql.push("deleted_at IS NULL AND ");
    }
    match &query.filter {
        Some(filter) => push_condition(sql, filter, push_run_term),
        None => {
            sql.push("TRUE");
        }
    }
    sql.push(")");
}

fn position(scope: RunScope, cursor: RunCursor) -> KeysetPosition {
    let ids = match scope {
        RunScope::Flow(_) => vec![cursor.run.uuid()],
        RunScope::Tenant(_) => vec![cursor.run.uuid(), cursor.flow.uuid()],
    };
    KeysetPosition { key: cursor.key, ids }
}

fn cursor(scope: RunScope, position: KeysetPosition) -> Option<RunCursor> {
    let id = |index: usize| position.ids.get(index).map(Uuid::to_string);
    let flow = match scope {
        RunScope::Flow(flow) => flow.flow,
        RunScope::Tenant(_) => id(1)?.parse().ok()?,
    };
    Some(RunCursor { run: id(0)?.parse().ok()?, key: position.key, flow })
}
