//! The statements of the writer. Each reads or writes many rows, and none waits for a lock on a row of `runs`.

use std::sync::LazyLock;

use flowruns_domain::{
    id::RunKey,
    run::{Run, RunChange},
    store::StoreError,
};
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::report_chain::ChainWrite;
use crate::{
    columns::{self, EVENT_COLUMNS, RUN_COLUMNS, assignments, names, values},
    parameters::{EarlierParameters, Rows, RunParameters},
    row::RunRow,
};

/// Finds runs by their keys, which are the rows of `keys`.
fn read_statement(keys: &str) -> String {
    format!(
        "SELECT number, {columns} FROM {keys} AS key (number, key_flow_id, key_id, key_tenant_id)
        JOIN runs ON flow_id = key_flow_id AND id = key_id AND tenant_id = key_tenant_id AND deleted_at IS NULL",
        columns = *columns::RUN,
    )
}

pub(crate) static READ: LazyLock<String> =
    LazyLock::new(|| read_statement("unnest($1::int[], $2::uuid[], $3::uuid[], $4::uuid[])"));

pub(crate) static READ_ONE: LazyLock<String> =
    LazyLock::new(|| read_statement("(VALUES ($1::int, $2::uuid, $3::uuid, $4::uuid))"));

/// Writes a single report.
pub(crate) static WRITE_ONE: LazyLock<String> = LazyLock::new(|| write_statement(Rows::One, ""));

/// Writes chains of one report each, which are most.
pub(crate) static WRITE: LazyLock<String> = LazyLock::new(|| write_statement(Rows::Many, ""));

/// Writes chains of which some have earlier entries too. The entries are filtered by a hashed subquery, since the cost of a
/// join of two arrays is the product of their lengths.
pub(crate) static WRITE_WITH_EARLIER: LazyLock<String> = LazyLock::new(|| {
    let earlier = format!(
        "earlier AS (
            INSERT INTO run_events (flow_id, tenant_id, run_id, {event})
            SELECT event.flow_id, event.tenant_id, event.run_id, event.version, event.occurred_at, {values}
            FROM {events}
            WHERE (event.number IN (SELECT number FROM written)) IS TRUE
        ),",
        event = *columns::EVENT,
        values = values("event.", &EVENT_COLUMNS),
        events = EarlierParameters::source(),
    );
    write_statement(Rows::Many, &earlier)
});

/// Writes the runs whose rows still have the version that was read, and returns their numbers. The time of that version is
/// compared too: after a table was restored, other reports may lead to the same version.
///
/// A row that another session has locked is skipped, not waited for: one open transaction would stop the whole batch. A
/// statement that never waits cannot deadlock either, so its rows need no order. A locked row is found again by its ctid,
/// which cannot change while it is locked.
fn write_statement(rows: Rows, earlier: &str) -> String {
    format!(
        "WITH held AS MATERIALIZED (
            SELECT run.ctid AS row_ctid, row.* FROM {rows}
            JOIN runs AS run ON run.flow_id = row.flow_id AND run.id = row.id AND run.tenant_id = row.tenant_id
                AND run.version = row.seen AND run.modified_at = row.seen_at AND run.deleted_at IS NULL
            FOR NO KEY UPDATE OF run SKIP LOCKED
        ),
        written AS (
            UPDATE runs AS run SET {assignments}, modified_at = held.modified_at, deleted_at = held.deleted_at
            FROM held WHERE run.ctid = held.row_ctid AND run.flow_id = held.flow_id AND run.id = held.id
                AND run.tenant_id = held.tenant_id
            RETURNING held.number, held.flow_id, held.tenant_id, held.id, held.version, held.modified_at, {entry}
        ),
        {earlier}
        last AS ({insert})
        SELECT number FROM written",
        rows = RunParameters::source(rows),
        assignments = assignments("held.", &RUN_COLUMNS),
        entry = names("held.", &EVENT_COLUMNS),
        insert = insert_last_events("written"),
    )
}

/// Creates the runs whose flow exists and whose id is free, and returns their numbers.
fn create_statement(rows: Rows) -> String {
    format!(
        "WITH wanted AS MATERIALIZED (
            SELECT row.* FROM {rows}
            JOIN flows AS flow ON flow.id = row.flow_id AND flow.tenant_id = row.tenant_id
        ),
        created AS (
            INSERT INTO runs (flow_id, tenant_id, id, {columns}, created_at, modified_at)
            SELECT flow_id, tenant_id, id, {values}, modified_at, modified_at FROM wanted
            ON CONFLICT (flow_id, id) DO NOTHING
            RETURNING flow_id, id
        ),
        done AS MATERIALIZED (
            SELECT * FROM wanted WHERE ((flow_id, id) IN (SELECT flow_id, id FROM created)) IS TRUE
        ),
        first AS ({insert})
        SELECT number FROM done",
        rows = RunParameters::source(rows),
        columns = names("", &RUN_COLUMNS),
        values = values("", &RUN_COLUMNS),
        insert = insert_last_events("done"),
    )
}

/// Writes the entry of each run's last version, which occurred when the run was modified.
fn insert_last_events(runs: &str) -> String {
    format!(
        "INSERT INTO run_events (flow_id, tenant_id, run_id, {event})
        SELECT flow_id, tenant_id, id, version, modified_at, {values} FROM {runs}",
        event = *columns::EVENT,
        values = values("", &EVENT_COLUMNS),
    )
}

pub(crate) static CREATE: LazyLock<String> = LazyLock::new(|| create_statement(Rows::Many));

pub(crate) static CREATE_ONE: LazyLock<String> = LazyLock::new(|| create_statement(Rows::One));

#[derive(FromRow)]
struct NumberedRow {
    number: i32,
    #[sqlx(flatten)]
    run: RunRow,
}

/// Reads runs, in the order of their keys. A corrupt row is an error of its own run only.
pub(super) async fn read(
    connection: &mut PgConnection,
    keys: &[RunKey],
) -> sqlx::Result<Vec<Result<Option<Run>, StoreError>>> {
    let ids = |id: fn(&RunKey) -> Uuid| keys.iter().map(id).collect::<Vec<_>>();
    let query = match keys {
        [key] => sqlx::query_as(READ_ONE.as_str())
            .bind(0)
            .bind(key.flow.uuid())
            .bind(key.run.uuid())
            .bind(key.tenant.uuid()),
        _ => sqlx::query_as(READ.as_str())
            .bind(numbers(keys.len()))
            .bind(ids(|key| key.flow.uuid()))
            .bind(ids(|key| key.run.uuid()))
            .bind(ids(|key| key.tenant.uuid())),
    };
    let rows: Vec<NumberedRow> = query.fetch_all(connection).await?;
    let mut found: Vec<_> = keys.iter().map(|_| Ok(None)).collect();
    for row in rows {
        let number = usize::try_from(row.number).unwrap_or(usize::MAX);
        if let (Some(found), Some(key)) = (found.get_mut(number), keys.get(number)) {
            *found = row.run.into_run(*key).map(Some);
        }
    }
    Ok(found)
}

/// Writes the chains whose run is still as it was read. Returns for each chain whether it was written.
pub(super) async fn write(
    connection: &mut PgConnection,
    chains: &[ChainWrite<'_>],
) -> sqlx::Result<Vec<bool>> {
    let (mut runs, mut earlier) = (RunParameters::default(), EarlierParameters::default());
    for (number, chain) in chains.iter().enumerate() {
        runs.push(chain.seen, chain.run, chain.last)?;
        for event in &chain.earlier {
            earlier.push(number, event)?;
        }
    }
    let query = match earlier.is_empty() {
        true => {
            runs.bind(sqlx::query_scalar(WRITE_ONE.as_str()), || sqlx::query_scalar(WRITE.as_str()))
        }
        false => earlier.bind(runs.bind_many(sqlx::query_scalar(WRITE_WITH_EARLIER.as_str()))),
    };
    let written = query.fetch_all(connection).await?;
    Ok(flags(chains.len(), &written))
}

/// Creates the runs whose flow exists and whose id is free. Returns for each creation whether it was carried out.
pub(super) async fn create(
    connection: &mut PgConnection,
    creations: &[&RunChange],
) -> sqlx::Result<Vec<bool>> {
    let mut runs = RunParameters::default();
    for RunChange { run, event } in creations {
        runs.push(run, run, event)?;
    }
    let query =
        runs.bind(sqlx::query_scalar(CREATE_ONE.as_str()), || sqlx::query_scalar(CREATE.as_str()));
    let created = query.fetch_all(connection).await?;
    Ok(flags(creations.len(), &created))
}

fn numbers(count: usize) -> Vec<i32> {
    (0..).take(count).collect()
}

/// For each of `count` rows, whether its number was returned.
fn flags(count: usize, numbers: &[i32]) -> Vec<bool> {
    let mut flags = vec![false; count];
    for number in numbers {
        if let Some(flag) = usize::try_from(*number).ok().and_then(|n| flags.get_mut(n)) {
            *flag = true;
        }
    }
    flags
}
