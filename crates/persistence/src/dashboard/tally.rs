//! How many runs of a tenant have a status.

use flowruns_domain::{
    dashboard::{FlowTally, Tally},
    id::TenantId,
    run::RunStatus,
    store::{StoreError, StoreErrorKind},
    timestamp::Timestamp,
};
use sqlx::PgPool;
use uuid::Uuid;

use super::Builder;
use crate::error::store_error;

/// A flow, the number of its runs that count, and the number that was read, which includes the one that shows that there are more.
type Row = (Uuid, i64, i64);

pub(super) async fn read(
    pool: &PgPool,
    tenant: TenantId,
    status: RunStatus,
    since: Option<Timestamp>,
) -> Result<Tally, StoreError> {
    let mut sql = statement("", tenant, status, since);
    let query = sql.build_query_as::<Row>().persistent(false);
    let rows = query.fetch_all(pool).await.map_err(store_error)?;
    let has_more = rows.iter().any(|(_, counted, read)| read > counted);
    let counted = rows.into_iter().filter(|(_, counted, _)| *counted > 0);
    let flow = |(flow, counted, _): Row| {
        let corrupt =
            StoreErrorKind::Corrupt { table: "runs", column: "flow_id", id: flow.to_string() };
        let flow = flow.to_string().parse().map_err(|error| StoreError::new(corrupt, error))?;
        Ok(FlowTally { flow, runs: u16::try_from(counted).unwrap_or(Tally::LIMIT) })
    };
    let flows = counted.map(flow).collect::<Result<_, StoreError>>()?;
    Ok(Tally::new(flows, has_more))
}

/// Reads entries of the index that has the status between the tenant and the start. If the status were equal to a constant or a
/// parameter, the planner would drop it from the order, and could choose an index that has the order without the status.
pub(crate) fn statement(
    prefix: &str,
    tenant: TenantId,
    status: RunStatus,
    since: Option<Timestamp>,
) -> Builder {
    const ORDER: &str = "status, start_at DESC, id, flow_id";
    let mut sql = Builder::new(prefix);
    sql.push(format_args!(
        "SELECT flow_id, count(*) FILTER (WHERE number <= {limit}), count(*)
        FROM (SELECT flow_id, row_number() OVER (ORDER BY {ORDER}) AS number FROM runs
            WHERE deleted_at IS NULL AND status LIKE '{status}' AND tenant_id = ",
        limit = Tally::LIMIT,
    ));
    sql.push_bind(tenant.uuid());
    if let Some(since) = since {
        sql.push(" AND start_at >= ").push_bind(since.date_time());
    }
    sql.push(format_args!(
        " ORDER BY {ORDER} LIMIT {}) AS newest GROUP BY flow_id",
        Tally::LIMIT + 1
    ));
    sql
}
