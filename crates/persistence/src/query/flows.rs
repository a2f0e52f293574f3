//! Queries of flows.

use flowruns_domain::{
    Count, Direction, Flow, FlowCursor, FlowFilter, FlowId, FlowOrder, FlowQuery, FlowSort,
    FlowTerm, Found, FoundFlows, Operator, StoreError, TenantId, Test, TextTest,
};
use sqlx::PgPool;
use uuid::Uuid;

use super::{
    Builder,
    predicate::{NAME, push_condition, push_flow_term, push_prefix_bounds, symbol},
    range::{Place, Walk},
    search::{self, Reading, Source},
};
use crate::{error::store_error, row::FlowRow};

const COLUMNS: &str = "id, display_name COLLATE \"C\" AS display_name, readiness_status, data_domain, effective_at, \
    expires_at, version";

const FIND_ALL: &str = "
    SELECT id, display_name, readiness_status, data_domain, effective_at, expires_at, version FROM flows
    WHERE tenant_id = $1 AND id = ANY($2)";

pub(crate) async fn query_flows(
    pool: &PgPool,
    query: &FlowQuery,
) -> Result<FoundFlows, StoreError> {
    let order = query.order;
    let place = |flow: &Flow| place(order.cursor(flow));
    let read = |row: FlowRow| row.into_flow(query.tenant);
    let reading = Reading {
        read: &read,
        place: &place,
    };
    let after = query.after.clone().map(self::place);
    let wanted = query.skip + query.size.rows() + 1;
    let push_bounds = |sql: &mut Builder| push_bounds(sql, query, order.sort);
    let push_filter = |sql: &mut Builder| push_filter(sql, query);
    let source = source(order, &push_bounds, &push_filter);
    let (flows, end) = search::search(pool, &source, &reading, after, wanted).await?;
    let window = (query.skip, query.size);
    Ok(Found::cut(flows, window, end.and_then(cursor), |flow| {
        order.cursor(flow)
    }))
}

pub(crate) async fn count_flows(pool: &PgPool, query: &FlowQuery) -> Result<Count, StoreError> {
    let push_bounds = |sql: &mut Builder| push_bounds(sql, query, query.order.sort);
    let push_filter = |sql: &mut Builder| push_filter(sql, query);
    let source = source(query.order, &push_bounds, &push_filter);
    search::count(pool, &source).await
}

pub(crate) async fn find_flows(
    pool: &PgPool,
    tenant: TenantId,
    ids: &[FlowId],
) -> Result<Vec<Flow>, StoreError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let query = sqlx::query_as(FIND_ALL).bind(tenant.uuid()).bind(ids);
    let rows: Vec<FlowRow> = query.fetch_all(pool).await.map_err(store_error)?;
    rows.into_iter().map(|row| row.into_flow(tenant)).collect()
}

fn source<'a>(
    order: FlowOrder,
    push_bounds: &'a (dyn Fn(&mut Builder) + Sync),
    push_filter: &'a (dyn Fn(&mut Builder) + Sync),
) -> Source<'a> {
    Source {
        table: "flows",
        columns: COLUMNS,
        walk: Walk {
            key: match order.sort {
                FlowSort::Id => None,
                FlowSort::DisplayName => Some((NAME, "display_name")),
            },
            ids: &["id"],
            direction: order.direction,
            index: Direction::Ascending,
            nullable: false,
        },
        push_bounds,
        push_filter,
    }
}

fn push_bounds(sql: &mut Builder, query: &FlowQuery, sort: FlowSort) {
    sql.push(" WHERE tenant_id = ")
        .push_bind(query.tenant.uuid());
    let required = query.filter.iter().flat_map(FlowFilter::required);
    for term in required.filter(|_| sort == FlowSort::DisplayName) {
        match term {
            FlowTerm::DisplayName(TextTest::StartsWith(prefix)) => push_prefix_bounds(sql, prefix),
            FlowTerm::DisplayName(TextTest::Plain(Test::Compare(operator, Some(name))))
                if *operator != Operator::Ne =>
            {
                sql.push(" AND ").push(NAME).push(symbol(*operator));
                sql.push_bind(name.clone());
            }
            _ => {}
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

fn place(cursor: FlowCursor) -> Place {
    Place {
        key: cursor.key,
        ids: vec![cursor.flow.uuid()],
    }
}

fn cursor(place: Place) -> Option<FlowCursor> {
    Some(FlowCursor {
        flow: FlowId::new(*place.ids.first()?).ok()?,
        key: place.key,
    })
}
