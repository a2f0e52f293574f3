//! How many runs of a tenant have a status.

use flowruns_domain::{
    dashboard::{FlowTally, Tally, TallyRequest},
    id::{FlowId, TenantId},
    store::{StoreError, StoreErrorKind},
};
use sqlx::{FromRow, PgPool};
use uuid::Uuid;

use super::Builder;
use crate::error::store_error;

#[derive(FromRow)]
struct TallyRow {
    /// The number of the request, from 0.
    request: i32,
    flow_id: Uuid,
    /// The number of its runs that count.
    counted: i64,
    /// The number that was read, which includes the one that shows that there are more.
    read: i64,
}

pub(super) async fn read(
    pool: &PgPool,
    tenant: TenantId,
    requests: &[TallyRequest],
) -> Result<Vec<Tally>, StoreError> {
    if requests.is_empty() {
        return Ok(Vec::new());
    }
    let mut found = vec![(Vec::new(), false); requests.len()];
    let mut sql = statement("", tenant, requests);
    let rows: Vec<TallyRow> = sql.build_query_as().fetch_all(pool).await.map_err(store_error)?;
    for row in rows {
        let index = usize::try_from(row.request).unwrap_or_default();
        let Some((flows, has_more)) = found.get_mut(index) else { continue };
        *has_more |= row.read > row.counted;
        if row.counted > 0 {
            let runs = u16::try_from(row.counted).unwrap_or(Tally::LIMIT);
            flows.push(FlowTally { flow: flow_id(row.flow_id)?, runs });
        }
    }
    Ok(found.into_iter().map(|(flows, has_more)| Tally::new(flows, has_more)).collect())
}

fn flow_id(id: Uuid) -> Result<FlowId, StoreError> {
    let corrupt =
        || StoreErrorKind::Corrupt { table: "runs", column: "flow_id", id: id.to_string() };
    FlowId::new(id).map_err(|_nil| StoreError { kind: corrupt(), source: None })
}

pub(crate) fn statement(prefix: &str, tenant: TenantId, requests: &[TallyRequest]) -> Builder {
    let mut sql = Builder::new(prefix);
    for (number, request) in requests.iter().enumerate() {
        sql.push(if number == 0 { "" } else { " UNION ALL " });
        push_tally(&mut sql, tenant, (number, request));
    }
    sql
}

/// Reads entries of the index that has the status between the tenant and the start. If the status were equal to a constant or a
/// parameter, the planner would drop it from the order, and could choose an index that has the order without the status.
fn push_tally(sql: &mut Builder, tenant: TenantId, (number, request): (usize, &TallyRequest)) {
    const ORDER: &str = "status, start_at DESC, id, flow_id";
    sql.push(format_args!(
        "(SELECT {number} AS request, flow_id, count(*) FILTER (WHERE number <= {limit}) AS counted, count(*) AS read
        FROM (SELECT flow_id, row_number() OVER (ORDER BY {ORDER}) AS number FROM runs
            WHERE deleted_at IS NULL AND status LIKE '{status}' AND tenant_id = ",
        limit = Tally::LIMIT,
        status = request.status,
    ));
    sql.push_bind(tenant.uuid());
    if let Some(since) = request.since {
        sql.push(" AND start_at >= ").push_bind(since.date_time());
    }
    sql.push(format_args!(
        " ORDER BY {ORDER} LIMIT {}) AS newest GROUP BY flow_id)",
        Tally::LIMIT + 1
    ));
}
