//! Queries of runs, of one flow or of a tenant.

use flowruns_domain::{
    Count, CountLimit, Direction, EnumTest, Found, FoundRuns, ListedRun, Operator, RunCursor,
    RunFilter, RunOrder, RunQuery, RunScope, RunSort, RunStatus, RunTerm, StoreError, Test,
    TextTest,
};
use sqlx::PgPool;
use uuid::Uuid;

use super::{
    Builder, ids,
    plan::RunPlan,
    predicate::{NAME, push_condition, push_limits, push_name_limits, push_run_term},
    range::{Place, Walk},
    search::{self, Reading, Source},
};
use crate::{flows, row::ListedRunRow};

/// No jsonb.
pub(super) const SUMMARY: &str =
    "flow_id, id, display_name COLLATE \"C\" AS display_name, start_at, end_at, status, version";
const WHOLE: &str = "flow_id, id, display_name COLLATE \"C\" AS display_name, start_at, end_at, status, version, \
    blocking_error, statistics";

pub(crate) async fn query_runs(
    pool: &PgPool,
    query: &RunQuery,
) -> Result<Option<FoundRuns>, StoreError> {
    if !flow_is_there(pool, query.scope).await? {
        return Ok(None);
    }
    match RunPlan::of(query) {
        RunPlan::Nothing => Ok(Some(Found {
            items: Vec::new(),
            next: None,
        })),
        RunPlan::Ids(listed) => match ids::query(pool, query, &listed).await? {
            Some(found) => Ok(Some(found)),
            None => walk(pool, query).await.map(Some),
        },
        RunPlan::Walk { .. } => walk(pool, query).await.map(Some),
    }
}

async fn walk(pool: &PgPool, query: &RunQuery) -> Result<FoundRuns, StoreError> {
    let order = query.order;
    let place = |run: &ListedRun| place(query.scope, order.cursor(&run.summary));
    let read = |row: ListedRunRow| row.into_listed(query.scope.tenant());
    let reading = Reading {
        read: &read,
        place: &place,
    };
    let (source, after) = (source(query, order), after(query));
    let (runs, end) = search::search(pool, &source, &reading, after, wanted(query)).await?;
    let end = end.and_then(|place| cursor(query.scope, place));
    let window = (query.skip, query.size);
    Ok(Found::cut(runs, window, end, |run| {
        order.cursor(&run.summary)
    }))
}

pub(crate) async fn count_runs(
    pool: &PgPool,
    query: &RunQuery,
    limit: CountLimit,
) -> Result<Option<Count>, StoreError> {
    if !flow_is_there(pool, query.scope).await? {
        return Ok(None);
    }
    match RunPlan::of(query) {
        RunPlan::Nothing => Ok(Some(Count::Exactly(0))),
        RunPlan::Ids(listed) => ids::count(pool, query, &listed, limit).await.map(Some),
        RunPlan::Walk { .. } => {
            let counted = counted(query);
            search::count(pool, &sources(&counted), limit)
                .await
                .map(Some)
        }
    }
}

/// As [`query_runs`] and [`count_runs`] would be carried out.
pub(crate) async fn explain_runs(
    pool: &PgPool,
    query: &RunQuery,
    limit: CountLimit,
) -> Result<Vec<String>, StoreError> {
    match RunPlan::of(query) {
        RunPlan::Nothing => Ok(Vec::new()),
        RunPlan::Ids(listed) => ids::explain(pool, query, &listed, limit).await,
        RunPlan::Walk { .. } => {
            let (page, counted) = (source(query, query.order), counted(query));
            let counted = (&*sources(&counted), limit);
            search::explain(pool, &page, after(query), wanted(query), counted).await
        }
    }
}

fn after(query: &RunQuery) -> Option<Place> {
    let after = query.after.clone();
    after.map(|cursor| place(query.scope, cursor))
}

/// One to spare, which says that another page follows.
fn wanted(query: &RunQuery) -> usize {
    query.skip + query.size.rows() + 1
}

/// The queries whose counts add up to that of this one, each in the order of the index that leaves least to look at.
/// Where the filter excludes some statuses, the runs of each other status are counted along the index of statuses.
fn counted(query: &RunQuery) -> Vec<RunQuery> {
    let order = RunOrder {
        sort: counted_by(query),
        ..RunOrder::default()
    };
    let ordered = |filter| RunQuery {
        filter,
        order,
        ..query.clone()
    };
    let Some(filter) = query
        .filter
        .as_ref()
        .filter(|_| order.sort == RunSort::Start)
    else {
        return vec![ordered(query.filter.clone())];
    };
    let statuses = filter.possible_statuses();
    if statuses.len() == RunStatus::ALL.len() {
        return vec![ordered(Some(filter.clone()))];
    }
    let of_status = |status| {
        let is_status = RunTerm::Status(EnumTest::Eq(Some(status)));
        RunFilter::And(vec![RunFilter::Is(is_status), filter.clone()])
    };
    let filters = statuses.into_iter().map(of_status);
    filters.map(|filter| ordered(Some(filter))).collect()
}

fn sources(queries: &[RunQuery]) -> Vec<Source<'_>> {
    let sources = queries.iter().map(|query| source(query, query.order));
    sources.collect()
}

fn status(query: &RunQuery) -> Option<RunStatus> {
    match RunPlan::of(query) {
        RunPlan::Walk { status } => status,
        RunPlan::Nothing | RunPlan::Ids(_) => None,
    }
}

/// Asked first, since the index of runs does not begin with the tenant.
async fn flow_is_there(pool: &PgPool, scope: RunScope) -> Result<bool, StoreError> {
    match scope {
        RunScope::Flow(flow) => Ok(flows::find(pool, flow).await?.is_some()),
        RunScope::Tenant(_) => Ok(true),
    }
}

/// The index that leaves least to look at.
fn counted_by(query: &RunQuery) -> RunSort {
    let required = query.filter.as_ref().map(RunFilter::required);
    let required = required.unwrap_or_default();
    let sorts = required.iter().filter_map(|term| match term {
        RunTerm::DisplayName(TextTest::Plain(Test::Compare(Operator::Ne, _))) => None,
        RunTerm::DisplayName(TextTest::Plain(_) | TextTest::StartsWith(_)) => {
            Some(RunSort::DisplayName)
        }
        RunTerm::End(Test::Compare(operator, Some(_))) if *operator != Operator::Ne => {
            Some(RunSort::End)
        }
        RunTerm::Start(Test::Compare(..)) | RunTerm::Status(_) => Some(RunSort::Start),
        _ => None,
    });
    let sorts: Vec<RunSort> = sorts.collect();
    match sorts.contains(&RunSort::Start) {
        true => RunSort::Start,
        false => sorts.first().copied().unwrap_or(RunSort::Start),
    }
}

fn source(query: &RunQuery, order: RunOrder) -> Source<'_> {
    let (key, index) = match order.sort {
        RunSort::Start => (Some(("start_at", "start_at")), Direction::Descending),
        RunSort::End => (Some(("end_at", "end_at")), Direction::Descending),
        RunSort::DisplayName => (Some((NAME, "display_name")), Direction::Ascending),
        RunSort::Id => (None, Direction::Ascending),
    };
    let has_status = order.sort == RunSort::Start && status(query).is_some();
    Source {
        table: "runs",
        columns: if query.details { WHOLE } else { SUMMARY },
        walk: Walk {
            pinned: has_status.then_some("status"),
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
        push_bounds: Box::new(move |sql| push_bounds(sql, query, order.sort)),
        push_filter: Box::new(move |sql| push_filter(sql, query, order.sort)),
    }
}

/// What the index of this order is bounded by.
fn push_bounds(sql: &mut Builder, query: &RunQuery, sort: RunSort) {
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
    let status = status(query).filter(|_| sort == RunSort::Start);
    if let Some(status) = status {
        push_status(sql, status);
    }
    let required = query.filter.iter().flat_map(RunFilter::required);
    for term in required {
        push_bound(sql, sort, term);
    }
}

/// An index with the status finds such rows, and no other has the order that begins with it. Were the status equal to a
/// constant, it would not count in the order: an index without it would do, along which rows of another status are
/// looked at and not counted.
fn push_status(sql: &mut Builder, status: RunStatus) {
    sql.push(" AND status LIKE '")
        .push(status.as_str())
        .push("'");
}

fn push_bound(sql: &mut Builder, sort: RunSort, term: &RunTerm) {
    match (sort, term) {
        (RunSort::Start, RunTerm::Start(Test::Compare(operator, Some(time)))) => {
            push_limits(sql, "start_at", *operator, &time.date_time());
        }
        (RunSort::End, RunTerm::End(Test::Compare(operator, Some(time)))) => {
            push_limits(sql, "end_at", *operator, &time.date_time());
        }
        (RunSort::Id, RunTerm::Id(Test::Compare(operator, Some(id)))) => {
            push_limits(sql, "id", *operator, id);
        }
        (RunSort::DisplayName, RunTerm::DisplayName(test)) => push_name_limits(sql, test),
        _ => {}
    }
}

/// The key of the ids has deleted runs too. The tenant stands here, so that a flow is not looked for along an index of
/// the tenant.
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

fn place(scope: RunScope, cursor: RunCursor) -> Place {
    let ids = match scope {
        RunScope::Flow(_) => vec![cursor.run.uuid()],
        RunScope::Tenant(_) => vec![cursor.run.uuid(), cursor.flow.uuid()],
    };
    Place {
        key: cursor.key,
        ids,
    }
}

fn cursor(scope: RunScope, place: Place) -> Option<RunCursor> {
    let id = |index: usize| place.ids.get(index).map(Uuid::to_string);
    let flow = match scope {
        RunScope::Flow(flow) => flow.flow,
        RunScope::Tenant(_) => id(1)?.parse().ok()?,
    };
    Some(RunCursor {
        run: id(0)?.parse().ok()?,
        key: place.key,
        flow,
    })
}
