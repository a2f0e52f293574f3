//! The newest runs of some flows.

use flowruns_domain::{
    dashboard::{FlowIds, RecentRuns, RunsPerFlow},
    id::{FlowKey, TenantId},
    store::StoreError,
};
use sqlx::{FromRow, PgPool};
use uuid::Uuid;

use super::Builder;
use crate::{columns, error::store_error, row::RecentRunRow};

#[derive(FromRow)]
struct NumberedRow {
    /// The number of the flow among those that were asked for, from 1.
    number: i64,
    #[sqlx(flatten)]
    run: RecentRunRow,
}

pub(super) async fn read(
    pool: &PgPool,
    tenant: TenantId,
    flows: &FlowIds,
    each: RunsPerFlow,
) -> Result<Vec<RecentRuns>, StoreError> {
    let empty = |flow| RecentRuns { flow, runs: Vec::new() };
    let mut found: Vec<_> = flows.as_slice().iter().copied().map(empty).collect();
    let mut sql = statement("", tenant, flows, each);
    let query = sql.build_query_as::<NumberedRow>().persistent(false);
    for NumberedRow { number, run } in query.fetch_all(pool).await.map_err(store_error)? {
        let index = usize::try_from(number - 1).unwrap_or_default();
        if let Some(RecentRuns { flow, runs }) = found.get_mut(index) {
            runs.push(run.into_recent(FlowKey { tenant, flow: *flow })?);
        }
    }
    Ok(found)
}

/// The flows one after the other, and the runs of each along its index. That index does not have the tenant, so it is compared
/// with each row that is read.
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
        CROSS JOIN LATERAL (
            SELECT {run} FROM runs
            WHERE flow_id = listed.flow AND deleted_at IS NULL AND tenant_id = ",
        run = *columns::RECENT_RUN,
    ));
    sql.push_bind(tenant.uuid());
    sql.push(format_args!(" ORDER BY start_at DESC, id LIMIT {}) AS run", each.get()));
    sql
}
