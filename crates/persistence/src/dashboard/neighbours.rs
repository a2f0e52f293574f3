//! The runs that a run is compared with.

use flowruns_domain::{
    dashboard::{EarlierRun, EarlierRuns, Neighbours, RecentRun},
    id::{FlowKey, RunId},
    run::RunStatus,
    store::StoreError,
};
use sqlx::PgPool;

use super::Builder;
use crate::{
    columns::{self, NEWEST_FIRST},
    error::store_error,
    row::{column, recent_run, run_details},
};

/// [`NEWEST_FIRST`] backwards.
const OLDEST_FIRST: &str = "start_at, id DESC";

pub(super) async fn read(
    pool: &PgPool,
    flow: FlowKey,
    run: Option<RunId>,
    earlier: EarlierRuns,
) -> Result<Neighbours, StoreError> {
    let mut sql = statement("", flow, run, earlier);
    let mut found = Neighbours::default();
    for row in sql.build().fetch_all(pool).await.map_err(store_error)? {
        let run = recent_run(&row, 1, flow)?;
        let (nearest, is_nearer): (_, fn(&RecentRun, &RecentRun) -> bool) = match column(&row, 0)? {
            "after" => (&mut found.after, |one, other| is_newer(other, one)),
            "success" => (&mut found.success, is_newer),
            _ => {
                let details = run_details(&row, 7, flow.run(run.id))?;
                found.before.push(EarlierRun { run, details });
                continue;
            }
        };
        if nearest.as_ref().is_none_or(|nearest| is_nearer(&run, nearest)) {
            *nearest = Some(run);
        }
    }
    found.before.sort_by_key(|earlier| (std::cmp::Reverse(earlier.run.start), earlier.run.id));
    Ok(found)
}

/// Whether a run comes before another one in the order of the index.
fn is_newer(one: &RecentRun, other: &RecentRun) -> bool {
    (other.start, one.id) < (one.start, other.id)
}

/// Candidates for the run after and for the success: for each kind and status the nearest run of the same start, and the nearest
/// run of another start. So each is the first row of a range of an index, however many runs share a start. The runs before are the
/// first ones of two such ranges. Without a run there is one range: all runs.
///
/// No flow is found for another tenant. Then each range is empty, and nothing is read. As in [`recent`](super::recent::statement), the
/// flow is looked up in a subquery: with the tenant beside its id, PostgreSQL may read all flows of the tenant.
pub(crate) fn statement(
    prefix: &str,
    flow: FlowKey,
    run: Option<RunId>,
    earlier: EarlierRuns,
) -> Builder {
    let mut sql = Builder::new(prefix);
    sql.push(
        "WITH given AS MATERIALIZED (SELECT id AS flow, tenant_id AS tenant FROM (
            SELECT id, tenant_id FROM flows WHERE id = ",
    );
    sql.push_bind(flow.flow.uuid()).push(" LIMIT 1) AS known WHERE tenant_id = ");
    sql.push_bind(flow.tenant.uuid()).push(")");
    if let Some(run) = run {
        sql.push(
            ", this AS MATERIALIZED (
                SELECT start_at, id FROM runs
                WHERE flow_id = (SELECT flow FROM given) AND tenant_id = (SELECT tenant FROM given)
                    AND deleted_at IS NULL AND id = ",
        );
        sql.push_bind(run.uuid()).push(")");
    }
    let (before, after) = match run {
        Some(_) => (ranges("<", ">"), ranges(">", "<")),
        None => (vec!["TRUE".to_owned()], Vec::new()),
    };
    let is_success = Neighbours::SUCCESSES.map(RunStatus::Ended);
    let successes = is_success.iter().flat_map(|status| {
        let of_status = |range| format!("status LIKE '{status}' AND {range}");
        let order = format!("status, {NEWEST_FIRST}");
        let ranges = before.iter().map(of_status);
        ranges.map(|range| nearest("success", &range, &order)).collect::<Vec<_>>()
    });
    let after = after.iter().map(|range| nearest("after", range, OLDEST_FIRST));
    let candidates = after.chain(successes);
    let parts: Vec<String> = candidates.chain([before_with_details(&before, earlier)]).collect();
    sql.push(" ").push(parts.join(" UNION ALL "));
    sql
}

/// The operators are those of the start, and of the id among runs of one start. As in [`query`](crate::query), the bounds are
/// subqueries, which hides their values from the planner.
fn ranges(start: &str, id: &str) -> Vec<String> {
    vec![
        format!("start_at = (SELECT start_at FROM this) AND id {id} (SELECT id FROM this)"),
        format!("start_at {start} (SELECT start_at FROM this)"),
    ]
}

/// As in [`recent`](super::recent::statement), the tenant is compared outside.
fn nearest(kind: &str, range: &str, order: &str) -> String {
    format!(
        "(SELECT '{kind}' AS kind, {run}, NULL::json AS blocking_error, NULL::json AS statistics FROM (
            SELECT {run}, tenant_id FROM runs
            WHERE flow_id = (SELECT flow FROM given) AND deleted_at IS NULL AND {range}
            ORDER BY {order} LIMIT 1
        ) AS nearest WHERE tenant_id = (SELECT tenant FROM given))",
        run = *columns::RECENT_RUN,
    )
}

/// The length is that of the text that is sent: compressed columns take less on disk. The documents of the other runs are not
/// decompressed.
fn before_with_details(ranges: &[String], EarlierRuns { runs, details }: EarlierRuns) -> String {
    let (run, limit) = (columns::RECENT_RUN.as_str(), runs.get());
    let ranges = ranges.iter().map(|range| {
        format!(
            "(SELECT {run}, tenant_id, blocking_error, statistics FROM runs
            WHERE flow_id = (SELECT flow FROM given) AND deleted_at IS NULL AND {range}
            ORDER BY {NEWEST_FIRST} LIMIT {limit})"
        )
    });
    format!(
        "(SELECT 'before', {run},
            CASE WHEN is_detailed THEN blocking_error END, CASE WHEN is_detailed THEN statistics END
        FROM (
            SELECT *, number <= {rows} AND (number = 1 OR {bytes} >= sum(CASE WHEN number <= {rows} THEN
                octet_length(statistics::text) + coalesce(octet_length(blocking_error::text), 0) END
            ) OVER (ORDER BY {NEWEST_FIRST})) AS is_detailed
            FROM (
                SELECT *, row_number() OVER (ORDER BY {NEWEST_FIRST}) AS number
                FROM ({ranges}) AS found ORDER BY {NEWEST_FIRST} LIMIT {limit}
            ) AS numbered
        ) AS measured WHERE tenant_id = (SELECT tenant FROM given))",
        rows = details.rows(),
        bytes = details.bytes(),
        ranges = ranges.collect::<Vec<_>>().join(" UNION ALL "),
    )
}
