//! The beginnings of blocking errors.

use flowruns_domain::{
    dashboard::{ErrorLine, RunKeys},
    store::StoreError,
};
use sqlx::{FromRow, PgPool};
use uuid::Uuid;

use super::Builder;
use crate::{error::store_error, row::index_of};

#[derive(FromRow)]
struct ErrorRow {
    /// The number of the key among those that were asked for, from 1.
    number: i64,
    code: Option<String>,
    message: Option<String>,
}

pub(super) async fn read(pool: &PgPool, runs: &RunKeys) -> Result<Vec<ErrorLine>, StoreError> {
    let mut sql = statement("", runs);
    let rows: Vec<ErrorRow> = sql.build_query_as().fetch_all(pool).await.map_err(store_error)?;
    let line = |ErrorRow { number, code, message }| {
        let key = runs.as_slice().get(index_of(number)?)?;
        Some(ErrorLine::new(*key, code, message))
    };
    Ok(rows.into_iter().filter_map(line).collect())
}

/// One more character than a line has shows that the line is cut. Each run is looked up by its primary key in a subquery, so that
/// no estimate of the planner leads to another plan. The text of the column is parsed once for both members.
pub(crate) fn statement(prefix: &str, runs: &RunKeys) -> Builder {
    let (flows, ids): (Vec<Uuid>, Vec<Uuid>) =
        runs.as_slice().iter().map(|key| (key.flow.uuid(), key.run.uuid())).unzip();
    let characters = ErrorLine::MAX_CHARS + 1;
    let mut sql = Builder::new(prefix);
    sql.push(format_args!(
        "SELECT number, left(error ->> 'code', {characters}) AS code,
            left(error ->> 'message', {characters}) AS message
        FROM unnest("
    ));
    sql.push_bind(flows).push("::uuid[], ").push_bind(ids);
    sql.push(
        "::uuid[]) WITH ORDINALITY AS key (flow, run, number)
        CROSS JOIN LATERAL (
            SELECT blocking_error::jsonb AS error, deleted_at FROM runs
            WHERE flow_id = key.flow AND id = key.run AND tenant_id = ",
    );
    sql.push_bind(runs.tenant().uuid());
    sql.push(" LIMIT 1) AS found WHERE deleted_at IS NULL AND error IS NOT NULL");
    sql
}
