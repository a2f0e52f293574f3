//! Numbers of the statistics of a flow's newest runs.

use flowruns_domain::{
    dashboard::{Last, MemberPath, MemberPaths, MemberValues},
    id::FlowKey,
    json::JsonValue,
    store::StoreError,
};
use sqlx::{PgPool, postgres::PgRow, types::Json};

use super::Builder;
use crate::{
    columns::{self, NEWEST_FIRST},
    error::store_error,
    row::{column, recent_run},
};

pub(super) async fn read(
    pool: &PgPool,
    flow: FlowKey,
    paths: &MemberPaths,
    last: Last,
) -> Result<Vec<MemberValues>, StoreError> {
    let mut sql = statement("", flow, paths, last);
    // Names and the number of runs are parameters, so that only the lengths of paths make another text. Almost all paths have one or two names.
    let is_usual = paths.as_slice().iter().all(|path| path.names().len() <= 2);
    let query = sql.build().persistent(is_usual);
    let rows = query.fetch_all(pool).await.map_err(store_error)?;
    rows.iter().map(|row| member_values(row, flow)).collect()
}

fn member_values(row: &PgRow, flow: FlowKey) -> Result<MemberValues, StoreError> {
    // A value for each path; null for what is not a number.
    let found: Vec<Option<Json<JsonValue>>> = column(row, 6)?;
    let number = |value| match value {
        Some(Json(JsonValue::Number(number))) => Some(number),
        _ => None,
    };
    Ok(MemberValues {
        run: recent_run(row, 0, flow)?,
        values: found.into_iter().map(number).collect(),
    })
}

/// Only numbers leave the database. The text of the column is parsed once for all paths. `->` finds nothing in an array, as [`MemberPath::find`] does.
///
/// The index of a flow's runs does not have the tenant: see [`recent`](super::recent::statement). The search for the flow is carried
/// out once.
pub(crate) fn statement(prefix: &str, flow: FlowKey, paths: &MemberPaths, last: Last) -> Builder {
    let run = columns::RECENT_RUN.as_str();
    let mut sql = Builder::new(prefix);
    sql.push(format_args!("SELECT {run}, ARRAY["));
    for (index, path) in paths.as_slice().iter().enumerate() {
        sql.push(if index == 0 { "" } else { ", " });
        sql.push("CASE jsonb_typeof(");
        push_member(&mut sql, path);
        sql.push(") WHEN 'number' THEN ");
        push_member(&mut sql, path);
        sql.push(" END");
    }
    let statistics = if paths.as_slice().is_empty() { "NULL" } else { "statistics::jsonb" };
    sql.push(format_args!(
        "]::jsonb[] AS found
        FROM (SELECT {run}, tenant_id, {statistics} AS members FROM runs
            WHERE deleted_at IS NULL AND flow_id = "
    ));
    sql.push_bind(flow.flow.uuid());
    sql.push(" AND (SELECT tenant_id FROM flows WHERE id = ").push_bind(flow.flow.uuid());
    sql.push(" LIMIT 1) = ").push_bind(flow.tenant.uuid());
    sql.push(format_args!(" ORDER BY {NEWEST_FIRST} LIMIT ")).push_bind(i64::from(last.get()));
    sql.push(") AS newest WHERE tenant_id = ").push_bind(flow.tenant.uuid());
    sql
}

fn push_member(sql: &mut Builder, path: &MemberPath) {
    sql.push("members");
    for name in path.names() {
        sql.push(" -> ").push_bind(name.clone()).push("::text");
    }
}
