//! Queries of flows.

use flowruns_domain::{
    Count, CountLimit, Direction, Flow, FlowCursor, FlowFilter, FlowId, FlowOrder, FlowQuery,
    FlowSort, FlowTerm, Found, FoundFlows, Operator, SortKey, StoreError, TenantId, Test, TextTest,
};
use sqlx::{PgPool, types::Json};
use uuid::Uuid;

use super::{
    Builder,
    predicate::{NAME, push_condition, push_flow_term, push_name_limits},
    range::{Place, Walk},
    search::{self, Reading, Source},
};
use crate::{error::store_error, row::FlowRow};

const COLUMNS: &str = "tenant_id, id, display_name COLLATE \"C\" AS display_name, readiness_status, data_domain, effective_at, \
    expires_at, version";

/// Each id is looked up in the primary key. Compared with the tenant in one place, PostgreSQL might read all flows of the
/// tenant instead.
const FIND_ALL: &str = "
    SELECT id, display_name, readiness_status, data_domain, effective_at, expires_at, version
    FROM unnest($2) AS listed (listed_id) CROSS JOIN LATERAL
        (SELECT * FROM flows WHERE flows.id = listed_id LIMIT 1) AS flow
    WHERE tenant_id = $1";

pub(crate) async fn query_flows(
    pool: &PgPool,
    query: &FlowQuery,
) -> Result<FoundFlows, StoreError> {
    let order = query.order;
    if let Some(ids) = query.filter.as_ref().and_then(FlowFilter::required_ids) {
        let mut flows = matching(pool, query, ids).await?.0;
        if let Some(after) = &query.after {
            flows.retain(|flow| order.compare(&order.cursor(flow), after).is_gt());
        }
        flows.sort_by(|one, other| order.compare(&order.cursor(one), &order.cursor(other)));
        let window = (query.skip, query.size);
        return Ok(Found::cut(flows, window, None, |flow| order.cursor(flow)));
    }
    let place = |flow: &Flow| place(query, order.cursor(flow));
    let read = |row: FlowRow| row.into_flow(query.tenant);
    let reading = Reading {
        read: &read,
        place: &place,
    };
    let (source, after) = (source(query), after(query));
    let (flows, end) = search::search(pool, &source, &reading, after, wanted(query)).await?;
    let window = (query.skip, query.size);
    Ok(Found::cut(flows, window, end.and_then(cursor), |flow| {
        order.cursor(flow)
    }))
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
    search::count(pool, &[counted(&query)], limit).await
}

/// The flows of these ids that match, and how many flows have one of these ids. There is one flow an id at most.
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

/// The same filter in the order of the index that leaves least to look at.
fn in_order_of_count(query: &FlowQuery) -> FlowQuery {
    let required = query.filter.as_ref().map(FlowFilter::required);
    let has_name = required.into_iter().flatten().any(|term| match term {
        FlowTerm::DisplayName(TextTest::Plain(Test::Compare(operator, _))) => {
            *operator != Operator::Ne
        }
        FlowTerm::DisplayName(TextTest::StartsWith(_)) => true,
        FlowTerm::DisplayName(_) | FlowTerm::Id(_) | FlowTerm::ReadinessStatus(_) => false,
    });
    let sort = match has_name {
        true => FlowSort::DisplayName,
        false => FlowSort::Id,
    };
    let order = FlowOrder {
        sort,
        ..FlowOrder::default()
    };
    FlowQuery {
        order,
        ..query.clone()
    }
}

/// As [`query_flows`] and [`count_flows`] would be carried out.
pub(crate) async fn explain_flows(
    pool: &PgPool,
    query: &FlowQuery,
    limit: CountLimit,
) -> Result<Vec<String>, StoreError> {
    if let Some(ids) = query.filter.as_ref().and_then(FlowFilter::required_ids) {
        return Ok(vec![explain_listed(pool, query.tenant, ids).await?]);
    }
    let in_order_of_count = in_order_of_count(query);
    let (page, counted) = (source(query), [counted(&in_order_of_count)]);
    let counted = (&counted[..], limit);
    search::explain(pool, &page, after(query), wanted(query), counted).await
}

fn wanted(query: &FlowQuery) -> usize {
    query.skip + query.size.rows() + 1
}

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
    let query = sqlx::query_as(FIND_ALL).bind(tenant.uuid()).bind(ids);
    let rows: Vec<FlowRow> = query.fetch_all(pool).await.map_err(store_error)?;
    rows.into_iter().map(|row| row.into_flow(tenant)).collect()
}

async fn explain_listed(
    pool: &PgPool,
    tenant: TenantId,
    ids: Vec<Uuid>,
) -> Result<String, StoreError> {
    let mut sql = Builder::new(search::EXPLAIN);
    sql.push(FIND_ALL);
    let query = sqlx::query_scalar(sqlx::AssertSqlSafe(sql.into_string()));
    let query = query.bind(tenant.uuid()).bind(ids).persistent(false);
    let plan: Json<serde_json::Value> = query.fetch_one(pool).await.map_err(store_error)?;
    Ok(plan.0.to_string())
}

fn source(query: &FlowQuery) -> Source<'_> {
    let (key, ids): (_, &[&str]) = match query.order.sort {
        // With the tenant in the order, PostgreSQL cannot walk along the index of every tenant's ids.
        FlowSort::Id => (None, &["tenant_id", "id"]),
        FlowSort::DisplayName => (Some((NAME, "display_name")), &["id"]),
    };
    Source {
        table: "flows",
        columns: COLUMNS,
        walk: Walk {
            pinned: None,
            key,
            ids,
            direction: query.order.direction,
            ties: query.order.ties,
            index: Direction::Ascending,
            nullable: false,
        },
        push_bounds: Box::new(|sql| push_bounds(sql, query)),
        push_filter: Box::new(|sql| push_filter(sql, query)),
    }
}

/// As for a page, from the first row on.
fn counted(query: &FlowQuery) -> Source<'_> {
    let bounds = |sql: &mut Builder| {
        push_bounds(sql, query);
        if query.order.sort == FlowSort::Id {
            sql.push(" AND ");
            push_tenant_bound(sql, query, ends(query).0);
        }
    };
    Source {
        push_bounds: Box::new(bounds),
        ..source(query)
    }
}

/// What every row lies beyond, and what no row lies beyond.
fn ends(query: &FlowQuery) -> (End, End) {
    let (least, greatest) = ((" > ", Uuid::nil()), (" < ", Uuid::max()));
    match query.order.direction {
        Direction::Ascending => (least, greatest),
        Direction::Descending => (greatest, least),
    }
}

/// An operator, and an id that no flow has.
type End = (&'static str, Uuid);

fn push_tenant_bound(sql: &mut Builder, query: &FlowQuery, (operator, id): End) {
    sql.push("(tenant_id, id)").push(operator).push("(");
    sql.push_bind(query.tenant.uuid()).push(", ");
    sql.push_bind(id).push(")");
}

/// Where the page begins. One bound alone is given from this side, since PostgreSQL may begin at the wider of two.
fn after(query: &FlowQuery) -> Option<Place> {
    let after = query.after.clone().map(|cursor| place(query, cursor));
    after.or_else(|| {
        let (_, id) = ends(query).0;
        let ids = vec![query.tenant.uuid(), id];
        (query.order.sort == FlowSort::Id).then_some(Place {
            key: SortKey::Id,
            ids,
        })
    })
}

fn push_bounds(sql: &mut Builder, query: &FlowQuery) {
    sql.push(" WHERE ");
    if query.order.sort == FlowSort::Id {
        return push_tenant_bound(sql, query, ends(query).1);
    }
    sql.push("tenant_id = ").push_bind(query.tenant.uuid());
    for term in query.filter.iter().flat_map(FlowFilter::required) {
        if let FlowTerm::DisplayName(test) = term {
            push_name_limits(sql, test);
        }
    }
}

fn push_filter(sql: &mut Builder, query: &FlowQuery) {
    match &query.filter {
        Some(filter) => push_condition(sql, filter, push_flow_term),
        None => {
            sql.push("TRUE");
        }
    }
}

fn place(query: &FlowQuery, cursor: FlowCursor) -> Place {
    let flow = cursor.flow.uuid();
    Place {
        key: cursor.key,
        ids: match query.order.sort {
            FlowSort::Id => vec![query.tenant.uuid(), flow],
            FlowSort::DisplayName => vec![flow],
        },
    }
}

fn cursor(place: Place) -> Option<FlowCursor> {
    Some(FlowCursor {
        flow: FlowId::new(*place.ids.last()?).ok()?,
        key: place.key,
    })
}
