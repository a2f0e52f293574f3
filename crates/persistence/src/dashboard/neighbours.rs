//! The runs that a run is compared with.

use flowruns_domain::{
    dashboard::{Neighbours, RecentRun},
    id::RunKey,
    run::RunStatus,
    store::StoreError,
};
use sqlx::{FromRow, PgPool};

use super::Builder;
use crate::{columns, error::store_error, row::RecentRunRow};

/// The order of the index of a flow's runs, and the same backwards.
const NEWEST_FIRST: &str = "start_at DESC, id";
const OLDEST_FIRST: &str = "start_at, id DESC";

#[derive(FromRow)]
struct Candidate {
    kind: String,
    #[sqlx(flatten)]
    run: RecentRunRow,
}

pub(super) async fn read(pool: &PgPool, run: RunKey) -> Result<Neighbours, StoreError> {
    let mut sql = statement("", run);
    let query = sql.build_query_as::<Candidate>().persistent(false);
    let mut found = Neighbours::default();
    for Candidate { kind, run: row } in query.fetch_all(pool).await.map_err(store_error)? {
        let candidate = row.into_recent(run.flow_key())?;
        let (nearest, is_nearer): (_, fn(&RecentRun, &RecentRun) -> bool) = match kind.as_str() {
            "before" => (&mut found.before, is_newer),
            "after" => (&mut found.after, |one, other| is_newer(other, one)),
            _ => (&mut found.success, is_newer),
        };
        if nearest.as_ref().is_none_or(|nearest| is_nearer(&candidate, nearest)) {
            *nearest = Some(candidate);
        }
    }
    Ok(found)
}

/// Whether a run comes before another one in the order of the index.
fn is_newer(one: &RecentRun, other: &RecentRun) -> bool {
    (other.start, one.id) < (one.start, other.id)
}

/// Candidates: for each kind and status the nearest run of the same start, and the nearest run of another start. So each is the
/// first row of a range of an index, however many runs share a start.
pub(crate) fn statement(prefix: &str, run: RunKey) -> Builder {
    let before = nearest("before", "", NEWEST_FIRST, ("<", ">"));
    let after = nearest("after", "", OLDEST_FIRST, (">", "<"));
    let successes = Neighbours::SUCCESSES.map(|outcome| {
        let condition = format!("AND status LIKE '{}'", RunStatus::Ended(outcome));
        nearest("success", &condition, &format!("status, {NEWEST_FIRST}"), ("<", ">"))
    });
    let candidates: Vec<String> = [before, after].into_iter().chain(successes).flatten().collect();
    let mut sql = Builder::new(prefix);
    sql.push("WITH given AS MATERIALIZED (SELECT ").push_bind(run.flow.uuid());
    sql.push(" AS flow, ").push_bind(run.tenant.uuid());
    sql.push(" AS tenant, ").push_bind(run.run.uuid());
    sql.push(
        " AS run), this AS MATERIALIZED (
            SELECT start_at, id FROM runs
            WHERE flow_id = (SELECT flow FROM given) AND tenant_id = (SELECT tenant FROM given)
                AND id = (SELECT run FROM given) AND deleted_at IS NULL
        ) ",
    );
    sql.push(candidates.join(" UNION ALL "));
    sql
}

/// The operators are those of the start, and of the id among runs of one start. As in [`query`](crate::query), the bounds are
/// subqueries, which hides their values from the planner; as in [`recent`](super::recent::statement), the tenant is compared outside.
fn nearest(kind: &str, condition: &str, order: &str, (start, id): (&str, &str)) -> [String; 2] {
    let ranges = [
        format!("start_at = (SELECT start_at FROM this) AND id {id} (SELECT id FROM this)"),
        format!("start_at {start} (SELECT start_at FROM this)"),
    ];
    ranges.map(|range| {
        format!(
            "(SELECT '{kind}' AS kind, {run} FROM (
                SELECT {run}, tenant_id FROM runs
                WHERE flow_id = (SELECT flow FROM given) AND deleted_at IS NULL {condition} AND {range}
                ORDER BY {order} LIMIT 1
            ) AS nearest WHERE tenant_id = (SELECT tenant FROM given))",
            run = *columns::RECENT_RUN,
        )
    })
}
