//! The runs of some flows in a window of time.

use flowruns_domain::{
    dashboard::{FoundRuns, RunWindow, WindowRuns},
    id::{FlowKey, TenantId},
    run::RunStatus,
    store::StoreError,
};
use sqlx::PgPool;
use uuid::Uuid;

use super::Builder;
use crate::{
    columns::NEWEST_FIRST,
    error::store_error,
    row::{column, index_of, run_spans},
};

/// The conditions of the ranges. As in [`query`](crate::query), the bounds are subqueries, which hides their values from the planner.
const STARTED: &str =
    "start_at >= (SELECT from_at FROM given) AND start_at < (SELECT to_at FROM given)";
const ENDED: &str = "end_at >= (SELECT from_at FROM given) AND end_at < (SELECT to_at FROM given)";
const BEFORE: &str = "start_at < (SELECT from_at FROM given)";
const LASTED: &str = "end_at >= (SELECT to_at FROM given)";

const ENDED_FIRST: &str = "end_at, id DESC";

pub(super) async fn read(
    pool: &PgPool,
    tenant: TenantId,
    window: &RunWindow,
) -> Result<Vec<WindowRuns>, StoreError> {
    let mut found: Vec<FoundRuns> = Vec::new();
    found.resize_with(window.flows().len(), FoundRuns::default);
    let mut sql = statement("", tenant, window);
    for row in sql.build().fetch_all(pool).await.map_err(store_error)? {
        // The number of the flow among those that were asked for, from 1.
        let number: i64 = column(&row, 0)?;
        let Some(index) = index_of(number) else { continue };
        let (Some(found), Some(flow)) = (found.get_mut(index), window.flows().get(index)) else {
            continue;
        };
        let mut runs = run_spans(&row, [3, 4, 5, 6], FlowKey { tenant, flow: *flow })?;
        match column(&row, 1)? {
            "started" => found.started = runs,
            "lasted" => found.earlier.append(&mut runs),
            kind => {
                // The row that shows that there are more. It may be a run that is not sought.
                let extra: Option<Uuid> = column(&row, 2)?;
                runs.retain(|run| Some(run.id.uuid()) != extra);
                found.earlier.append(&mut runs);
                match kind {
                    "running" => found.has_more_running = extra.is_some(),
                    _ => found.has_more_ended = extra.is_some(),
                }
            }
        }
    }
    let flows = window.flows().iter().zip(found);
    Ok(flows.map(|(flow, found)| found.within(*flow, window)).collect())
}

/// Four ranges of the indexes of each flow, each with an aggregate that makes one row of it: thousands of rows would take the
/// database, and this process, much longer than thousands of elements of arrays. The runs in progress are found by the index of the
/// status.
///
/// Flows and tenants are compared as in [`recent`](super::recent::statement).
pub(crate) fn statement(prefix: &str, tenant: TenantId, window: &RunWindow) -> Builder {
    let (most, earlier) = (RunWindow::MAX_RUNS, RunWindow::MAX_EARLIER);
    let running = format!("status LIKE '{}' AND {BEFORE}", RunStatus::Running);
    let ranges = [
        range("started", (STARTED, NEWEST_FIRST), most + 1, "TRUE"),
        range("ended", (ENDED, ENDED_FIRST), most + 1, BEFORE),
        // No extra row: more of them are not reported.
        range("lasted", (BEFORE, NEWEST_FIRST), earlier, LASTED),
        range("running", (&running, &format!("status, {NEWEST_FIRST}")), earlier + 1, "TRUE"),
    ];
    let flows: Vec<Uuid> = window.flows().iter().map(|flow| flow.uuid()).collect();
    let mut sql = Builder::new(prefix);
    sql.push("WITH given AS MATERIALIZED (SELECT ").push_bind(window.from().date_time());
    sql.push(" AS from_at, ").push_bind(window.to().date_time());
    sql.push(" AS to_at) SELECT listed.number, range.* FROM unnest(").push_bind(flows);
    sql.push(format_args!(
        "::uuid[]) WITH ORDINALITY AS listed (flow, number)
        CROSS JOIN LATERAL (SELECT id AS flow, tenant_id AS tenant FROM flows WHERE id = listed.flow LIMIT 1) AS known
        CROSS JOIN LATERAL ({}) AS range
        WHERE known.tenant = ",
        ranges.join(" UNION ALL "),
    ));
    sql.push_bind(tenant.uuid());
    sql
}

/// Reads the first `rows` rows of a range. Returns the id of the last one if the range has as many, and the columns of those that
/// match `sought`.
fn range(kind: &str, (condition, order): (&str, &str), rows: usize, sought: &str) -> String {
    let columns = ["id", "start_at", "end_at", "status"];
    let arrays = columns.map(|column| format!("array_agg({column}) FILTER (WHERE {sought})"));
    format!(
        "(SELECT '{kind}' AS kind, (array_agg(id))[{rows}] AS last, {arrays} FROM (
            SELECT id, start_at, end_at, status, tenant_id FROM runs
            WHERE flow_id = known.flow AND deleted_at IS NULL AND {condition}
            ORDER BY {order} LIMIT {rows}
        ) AS read WHERE tenant_id = known.tenant)",
        arrays = arrays.join(", "),
    )
}
