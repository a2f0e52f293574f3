//! Queries of flows.

use std::sync::LazyLock;

use flowruns_domain::{
    flow::Flow,
    id::{FlowId, TenantId},
    query::{
        Comparison, Count, CountLimit, Direction, FlowCursor, FlowFilter, FlowOrder, FlowPage,
        FlowPredicate, FlowQuery, FlowSort, Operator, QueryPage, SortKey, TextComparison,
    },
    store::StoreError,
};
use sqlx::{FromRow as _, PgPool, postgres::PgRow, types::Json};
use uuid::Uuid;

use super::{
    Builder,
    keyset::{Keyset, KeysetPosition},
    predicate::{push_condition, push_flow_term, push_name_bounds},
    scan::{self, IndexScan, RowFilter, RowReader, ScanResult},
};
use crate::{
    columns::{self, NAME},
    error::store_error,
    row::FlowRow,
};

/// Each id is looked up in the primary key by a subquery of its own. With the tenant in the same condition, PostgreSQL
/// might read all flows of the tenant instead.
pub(crate) static FIND_LISTED: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {columns} FROM unnest($2::uuid[]) AS listed (listed_id) CROSS JOIN LATERAL
            (SELECT * FROM flows WHERE flows.id = listed_id LIMIT 1) AS flow
        WHERE tenant_id = $1",
        columns = *columns::FLOW,
    )
});

pub(crate) async fn query_flows(pool: &PgPool, query: &FlowQuery) -> Result<FlowPage, StoreError> {
    let order = query.order;
    if let Some(ids) = query.filter.as_ref().and_then(FlowFilter::required_ids) {
        let mut flows = matching(pool, query, ids).await?.0;
        if let Some(after) = &query.after {
            flows.retain(|flow| order.compare(&order.cursor(flow), after).is_gt());
        }
        flows.sort_by(|one, other| order.compare(&order.cursor(one), &order.cursor(other)));
        let window = (query.skip, query.size);
        return Ok(QueryPage::from_matches(flows, window, None, |flow| order.cursor(flow)));
    }
    let position = |flow: &Flow| position(query, order.cursor(flow));
    let read = |row: &PgRow| {
        let row = FlowRow::from_row(row).map_err(store_error)?;
        row.into_flow(query.tenant)
    };
    let reader = RowReader { read: &read, position: &position };
    let scan = index_scan(query);
    let ScanResult { rows, end } =
        scan::page(pool, &scan, &reader, after(query), rows_to_read(query)).await?;
    let window = (query.skip, query.size);
    Ok(QueryPage::from_matches(rows, window, end.and_then(cursor), |flow| order.cursor(flow)))
}

pub(crate) async fn count_flows(
    pool: &PgPool,
    query: &FlowQuery,
    limit: CountLimit,
) -> Result<Count, StoreError> {
    if let Some(ids) = query.filter.as_ref().and_then(FlowFilter::required_ids) {
        let (flows, found) = matching(pool, query, ids).await?;
        return Ok(limit.count(flows.len() as u64, found as u64));
    }
    let query = in_order_of_count(query);
    scan::count(pool, &[scan_to_count(&query)], limit).await
}

/// The flows of these ids that match, and the number of flows that have one of these ids. At most one flow has an id.
async fn matching(
    pool: &PgPool,
    query: &FlowQuery,
    ids: Vec<Uuid>,
) -> Result<(Vec<Flow>, usize), StoreError> {
    let mut flows = find_listed(pool, query.tenant, ids).await?;
    let found = flows.len();
    if let Some(filter) = &query.filter {
        flows.retain(|flow| filter.matches(flow));
    }
    Ok((flows, found))
}

/// The same filter in the order of the index with the fewest rows to read.
fn in_order_of_count(query: &FlowQuery) -> FlowQuery {
    let required = query.filter.as_ref().map(FlowFilter::required);
    let has_name = required.into_iter().flatten().any(|term| match term {
        FlowPredicate::DisplayName(TextComparison::Whole(Comparison::Compare(operator, _))) => {
            *operator != Operator::Ne
        }
        FlowPredicate::DisplayName(TextComparison::StartsWith(_)) => true,
        FlowPredicate::DisplayName(_)
        | FlowPredicate::Id(_)
        | FlowPredicate::ReadinessStatus(_) => false,
    });
    let sort = match has_name {
        true => FlowSort::DisplayName,
        false => FlowSort::Id,
    };
    let order = FlowOrder { sort, ..FlowOrder::default() };
    FlowQuery { order, ..query.clone() }
}

/// The plans of the statements that [`query_flows`] and [`count_flows`] send, as JSON.
pub(crate) async fn explain_flows(
    pool: &PgPool,
    query: &FlowQuery,
    limit: CountLimit,
) -> Result<Vec<String>, StoreError> {
    if let Some(ids) = query.filter.as_ref().and_then(FlowFilter::required_ids) {
        return explain_listed(pool, query.tenant, ids).await;
    }
    scan::explain(pool, statements(query, limit, scan::EXPLAIN)).await
}

/// The statements for a page and for a count along an index, each after `prefix`.
pub(crate) fn statements(query: &FlowQuery, limit: CountLimit, prefix: &str) -> Vec<Builder> {
    let in_order_of_count = in_order_of_count(query);
    let page = (&index_scan(query), after(query), rows_to_read(query));
    scan::statements(prefix, page, (&[scan_to_count(&in_order_of_count)], limit))
}

/// One extra row shows that another page follows.
fn rows_to_read(query: &FlowQuery) -> usize {
    query.skip + query.size.rows() + 1
}

/// The flows of these ids, in no order. Ids that occur several times are found once.
pub(crate) async fn find_flows(
    pool: &PgPool,
    tenant: TenantId,
    ids: &[FlowId],
) -> Result<Vec<Flow>, StoreError> {
    let mut ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    ids.sort_unstable();
    ids.dedup();
    find_listed(pool, tenant, ids).await
}

/// The flows of these ids, each of which is listed once.
async fn find_listed(
    pool: &PgPool,
    tenant: TenantId,
    ids: Vec<Uuid>,
) -> Result<Vec<Flow>, StoreError> {
    let query = sqlx::query_as(FIND_LISTED.as_str()).bind(tenant.uuid()).bind(ids);
    let rows: Vec<FlowRow> = query.fetch_all(pool).await.map_err(store_error)?;
    rows.into_iter().map(|row| row.into_flow(tenant)).collect()
}

/// The plan of [`FIND_LISTED`].
async fn explain_listed(
    pool: &PgPool,
    tenant: TenantId,
    ids: Vec<Uuid>,
) -> Result<Vec<String>, StoreError> {
    let explain = format!("{}{}", scan::EXPLAIN, *FIND_LISTED);
    let query = sqlx::query_scalar(sqlx::AssertSqlSafe(explain));
    let query = query.bind(tenant.uuid()).bind(ids).persistent(false);
    let plan: Json<serde_json::Value> = query.fetch_one(pool).await.map_err(store_error)?;
    Ok(vec![plan.0.to_string()])
}

fn index_scan(query: &FlowQuery) -> IndexScan<'_> {
    let (key, ids): (_, &[&str]) = match query.order.sort {
        // With the tenant in the order, PostgreSQL cannot keyset along the index of every tenant's ids.
        FlowSort::Id => (None, &["tenant_id", "id"]),
        FlowSort::DisplayName => (Some((NAME, "display_name")), &["id"]),
    };
    IndexScan {
        table: "flows",
        columns: &columns::LISTED_FLOW,
        keyset: Keyset {
            prefix: None,
            key,
            ids,
            direction: query.order.direction,
            ties: query.order.ties,
            index: Direction::Ascending,
            nullable: false,
        },
        push_bounds: Box::new(|sql| push_bounds(sql, query)),
        filter: filter(query),
    }
}

/// The scan of a page that begins at the first row.
fn scan_to_count(query: &FlowQuery) -> IndexScan<'_> {
    let bounds = |sql: &mut Builder| {
        push_bounds(sql, query);
        if query.order.sort == FlowSort::Id {
            sql.push(" AND ");
            push_tenant_bound(sql, query, id_bounds(query).0);
        }
    };
    IndexScan { push_bounds: Box::new(bounds), ..index_scan(query) }
}

/// Exclusive bounds of the ids of a list: the one before its first row, and the one after its last row.
fn id_bounds(query: &FlowQuery) -> (IdBound, IdBound) {
    let (least, greatest) = ((" > ", Uuid::nil()), (" < ", Uuid::max()));
    match query.order.direction {
        Direction::Ascending => (least, greatest),
        Direction::Descending => (greatest, least),
    }
}

/// An operator, and an id that no flow has.
type IdBound = (&'static str, Uuid);

fn push_tenant_bound(sql: &mut Builder, query: &FlowQuery, (operator, id): IdBound) {
    sql.push("(tenant_id, id)").push(operator).push("(");
    sql.push_bind(query.tenant.uuid()).push(", ");
    sql.push_bind(id).push(")");
}

/// The position before the page. The list has only one lower bound, since PostgreSQL may begin at the wider of two.
fn after(query: &FlowQuery) -> Option<KeysetPosition> {
    let after = query.after.clone().map(|cursor| position(query, cursor));
    after.or_else(|| {
        let (_, id) = id_bounds(query).0;
        let ids = vec![query.tenant.uuid(), id];
        (query.order.sort == FlowSort::Id).then_some(KeysetPosition { key: SortKey::Id, ids })
    })
}

fn push_bounds(sql: &mut Builder, query: &FlowQuery) {
    sql.push(" WHERE ");
    if query.order.sort == FlowSort::Id {
        return push_tenant_bound(sql, query, id_bounds(query).1);
    }
    sql.push("tenant_id = ").push_bind(query.tenant.uuid());
    for term in query.filter.iter().flat_map(FlowFilter::required) {
        if let FlowPredicate::DisplayName(test) = term {
            push_name_bounds(sql, test);
        }
    }
}

fn filter(query: &FlowQuery) -> RowFilter<'_> {
    match &query.filter {
        Some(filter) => RowFilter::Condition(Box::new(|sql| {
            push_condition(sql, filter, push_flow_term);
        })),
        // The bounds name the tenant.
        None => RowFilter::Tenant(None),
    }
}

fn position(query: &FlowQuery, cursor: FlowCursor) -> KeysetPosition {
    let flow = cursor.flow.uuid();
    KeysetPosition {
        key: cursor.key,
        ids: match query.order.sort {
            FlowSort::Id => vec![query.tenant.uuid(), flow],
            FlowSort::DisplayName => vec![flow],
        },
    }
}

fn cursor(position: KeysetPosition) -> Option<FlowCursor> {
    Some(FlowCursor { flow: FlowId::new(*position.ids.last()?).ok()?, key: position.key })
}
