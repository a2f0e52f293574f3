//! Compares the acknowledged requests with the history.

use anyhow::ensure;
use flowruns_domain::timestamp::Timestamp;

use super::{kind::Load, pgbench, postgres::Database, slice::Slice};

/// The actor of the local token.
const TOKEN_ACTOR: &str = "local";

/// Counts what a load wrote to the history since a moment; it must be exactly what was acknowledged.
pub(crate) fn check(
    database: &mut Database<'_>,
    load: Load,
    since: Timestamp,
    slice: &Slice,
) -> anyhow::Result<u64> {
    let Some(action) = load.kind().action() else {
        return Ok(0);
    };
    let actor = match load {
        Load::Pgbench(_) => pgbench::ACTOR,
        Load::Service(_) => TOKEN_ACTOR,
    };
    let committed = database.number(&format!(
        "SELECT count(*) FROM run_events
         WHERE occurred_at >= '{since}' AND actor = '{actor}' AND action = '{action}'"
    ))?;
    let acknowledged = slice.acknowledged;
    ensure!(
        committed == acknowledged,
        "{}: {acknowledged} reports were acknowledged, but {committed} are in the history",
        load.title()
    );
    Ok(committed)
}
