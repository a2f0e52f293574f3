//! The runs of some flows in a window of time.

use flowruns_domain::{
    dashboard::{FoundRuns, RunWindow, WindowRuns},
    id::{FlowKey, TenantId},
    run::RunStatus,
    store::StoreError,
};
use sqlx::{FromRow, PgPool};
use uuid::Uuid;

use super::Builder;
use crate::{error::store_error, row::RunSpanRow};

#[derive(FromRow)]
struct WindowRow {
    /// The number of the flow among those that were asked for, from 1.
    number: i64,
    kind: String,
    /// Whether this is the row that shows that there are more of its kind. It may be a run outside the window.
    is_extra: bool,
    #[sqlx(flatten)]
    run: RunSpanRow,
}

pub(super) async fn read(
    pool: &PgPool,
    tenant: TenantId,
    window: &RunWindow,
) -> Result<Vec<WindowRuns>, StoreError> {
    let mut found: Vec<FoundRuns> = Vec::new();
    found.resize_with(window.flows().len(), FoundRuns::default);
    let mut sql = statement("", tenant, window);
    let query = sql.build_query_as::<WindowRow>().persistent(false);
    for row in query.fetch_all(pool).await.map_err(store_error)? {
        let index = usize::try_from(row.number - 1).unwrap_or_default();
        let (Some(found), Some(flow)) = (found.get_mut(index), window.flows().get(index)) else {
            continue;
        };
        let span = row.run.into_span(FlowKey { tenant, flow: *flow });
        match (row.kind.as_str(), row.is_extra) {
            ("started", _) => found.started.push(span?),
            (_, true) => found.has_more_earlier = true,
            (_, false) => found.earlier.push(span?),
        }
    }
    let flows = window.flows().iter().zip(found);
    Ok(flows.map(|(flow, found)| found.within(*flow, window)).collect())
}

/// Four ranges of the indexes of each flow. Where the rows of a range are not those that are sought, the row that shows that there
/// are more is kept too. The runs in progress are found by the index of the status.
///
/// Flows and tenants are compared as in [`recent`](super::recent::statement).
pub(crate) fn statement(prefix: &str, tenant: TenantId, window: &RunWindow) -> Builder {
    const RUN: &str = "id, start_at, end_at, status";
    const NEWEST_FIRST: &str = "start_at DESC, id";
    const ENDED_FIRST: &str = "end_at, id DESC";
    let (most, earlier) = (RunWindow::MAX_RUNS, RunWindow::MAX_EARLIER);
    let flows: Vec<Uuid> = window.flows().iter().map(|flow| flow.uuid()).collect();
    let numbered = |kind: &str, order: &str, limit: usize, condition: &str| {
        format!(
            "SELECT '{kind}' AS kind, row_number() OVER (ORDER BY {order}) > {limit} AS is_extra, {RUN}, tenant_id FROM runs
            WHERE flow_id = known.flow AND deleted_at IS NULL AND {condition}
            ORDER BY {order} LIMIT {rows}",
            rows = limit + 1,
        )
    };
    let started = numbered(
        "started",
        NEWEST_FIRST,
        most,
        "start_at >= (SELECT from_at FROM given) AND start_at < (SELECT to_at FROM given)",
    );
    let ended = numbered(
        "ended",
        ENDED_FIRST,
        most,
        "end_at >= (SELECT from_at FROM given) AND end_at < (SELECT to_at FROM given)",
    );
    let running = numbered(
        "running",
        &format!("status, {NEWEST_FIRST}"),
        earlier,
        &format!("status LIKE '{}' AND start_at < (SELECT from_at FROM given)", RunStatus::Running),
    );
    let mut sql = Builder::new(prefix);
    sql.push("WITH given AS MATERIALIZED (SELECT ").push_bind(window.from().date_time());
    sql.push(" AS from_at, ").push_bind(window.to().date_time());
    sql.push(" AS to_at) SELECT listed.number, run.* FROM unnest(").push_bind(flows);
    sql.push(format_args!(
        "::uuid[]) WITH ORDINALITY AS listed (flow, number)
        CROSS JOIN LATERAL (SELECT id AS flow, tenant_id AS tenant FROM flows WHERE id = listed.flow LIMIT 1) AS known
        CROSS JOIN LATERAL (
            ({started})
            UNION ALL
            (SELECT * FROM ({ended}) AS ended WHERE is_extra OR start_at < (SELECT from_at FROM given))
            UNION ALL
            (SELECT 'lasted', FALSE, {RUN}, tenant_id FROM (
                SELECT {RUN}, tenant_id FROM runs
                WHERE flow_id = known.flow AND deleted_at IS NULL AND start_at < (SELECT from_at FROM given)
                ORDER BY {NEWEST_FIRST} LIMIT {earlier}
            ) AS earlier WHERE end_at >= (SELECT to_at FROM given))
            UNION ALL
            ({running})
        ) AS run
        WHERE run.tenant_id = known.tenant AND known.tenant = "
    ));
    sql.push_bind(tenant.uuid());
    sql
}
