//! The newest runs of some flows.

use flowruns_domain::{
    dashboard::{FlowIds, RecentRuns, RunsPerFlow},
    id::{FlowKey, TenantId},
    store::StoreError,
};
use sqlx::PgPool;
use uuid::Uuid;

use super::Builder;
use crate::{
    columns::{self, NEWEST_FIRST},
    error::store_error,
    row::{column, index_of, recent_runs},
};

pub(super) async fn read(
    pool: &PgPool,
    tenant: TenantId,
    flows: &FlowIds,
    each: RunsPerFlow,
) -> Result<Vec<RecentRuns>, StoreError> {
    let empty = |flow| RecentRuns { flow, runs: Vec::new() };
    let mut found: Vec<_> = flows.as_slice().iter().copied().map(empty).collect();
    let mut sql = statement("", tenant, flows, each);
    for row in sql.build().fetch_all(pool).await.map_err(store_error)? {
        // The number of the flow among those that were asked for, from 1.
        let number: i64 = column(&row, 0)?;
        let found = index_of(number).and_then(|index| found.get_mut(index));
        if let Some(RecentRuns { flow, runs }) = found {
            *runs = recent_runs(&row, 1, FlowKey { tenant, flow: *flow })?;
        }
    }
    Ok(found)
}

/// The flows of the tenant one after the other, and the runs of each along its index, as one row of arrays, as in
/// [`window`](super::window::statement). Each flow is looked up by its primary key in a subquery, so that no estimate of the planner
/// leads to another plan.
///
/// The index of a flow's runs does not have the tenant. Without the search for the flow, all runs of a flow of another tenant would
/// be read to find none. The tenant of a run is compared outside the subquery, so that the runs of a flow are not read along an
/// index that begins with the tenant.
pub(crate) fn statement(
    prefix: &str,
    tenant: TenantId,
    flows: &FlowIds,
    each: RunsPerFlow,
) -> Builder {
    let flows: Vec<Uuid> = flows.as_slice().iter().map(|flow| flow.uuid()).collect();
    let mut sql = Builder::new(prefix);
    sql.push("SELECT listed.number, run.* FROM unnest(").push_bind(flows);
    sql.push(format_args!(
        "::uuid[]) WITH ORDINALITY AS listed (flow, number)
        CROSS JOIN LATERAL (SELECT id AS flow, tenant_id AS tenant FROM flows WHERE id = listed.flow LIMIT 1) AS known
        CROSS JOIN LATERAL (
            SELECT {arrays} FROM (
                SELECT {run}, tenant_id FROM runs
                WHERE flow_id = known.flow AND deleted_at IS NULL
                ORDER BY {NEWEST_FIRST} LIMIT {each}
            ) AS read WHERE tenant_id = known.tenant
        ) AS run
        WHERE known.tenant = ",
        arrays = *columns::RECENT_RUN_ARRAYS,
        run = *columns::RECENT_RUN,
        each = each.get(),
    ));
    sql.push_bind(tenant.uuid());
    sql
}
