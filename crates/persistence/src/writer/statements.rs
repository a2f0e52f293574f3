//! The statements of the writer. Each reads or writes many rows, and none waits for a locked row of `runs` for longer than
//! [`LOCK_TIMEOUT`].

use std::sync::LazyLock;

use flowruns_domain::{
    id::RunKey,
    run::{Run, RunChange},
    store::StoreError,
};
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::{locked_rows::LockedRows, report_chain::ChainWrite};
use crate::{
    columns::{self, EVENT_COLUMNS, RUN_COLUMNS, assignments, names, values},
    parameters::{EarlierParameters, Rows, RunParameters},
    row::RunRow,
};

/// Finds runs by their keys, which are the rows of `keys`; also deleted ones. A condition on `deleted_at` would mislead the
/// planner: without statistics it expects few rows that fulfil it, and plans to read all of them for each batch.
fn read_statement(keys: &str) -> String {
    format!(
        "SELECT number, deleted_at IS NOT NULL AS is_deleted, {columns}
        FROM {keys} AS key (number, key_flow_id, key_id, key_tenant_id)
        JOIN runs ON flow_id = key_flow_id AND id = key_id AND tenant_id = key_tenant_id",
        columns = *columns::RUN,
    )
}

pub(crate) static READ: LazyLock<String> =
    LazyLock::new(|| read_statement("unnest($1::int[], $2::uuid[], $3::uuid[], $4::uuid[])"));

pub(crate) static READ_ONE: LazyLock<String> =
    LazyLock::new(|| read_statement("(VALUES ($1::int, $2::uuid, $3::uuid, $4::uuid))"));

/// How long a statement that writes runs waits for a row that another session has locked, or for anything else that it locks
/// while it is executed. A batch of another server holds its rows for one statement and one flush, which take some
/// milliseconds; all reports of a batch wait for a row that is locked for longer. It is less than PostgreSQL's
/// `deadlock_timeout` (1 s): a deadlock ends as a timeout, before PostgreSQL looks for it.
pub(super) const LOCK_TIMEOUT: &str = "10ms";

/// Writes a single report.
pub(crate) static WRITE_ONE: LazyLock<String> =
    LazyLock::new(|| write_statement(LockedRows::Wait, Rows::One, ""));

/// Writes chains of one report each, which are most.
pub(crate) static WRITE: LazyLock<String> =
    LazyLock::new(|| write_statement(LockedRows::Wait, Rows::Many, ""));

/// Writes chains of which some have earlier entries too.
pub(crate) static WRITE_WITH_EARLIER: LazyLock<String> =
    LazyLock::new(|| write_statement(LockedRows::Wait, Rows::Many, &insert_earlier_events()));

/// Writes a single report, unless its row is locked.
pub(crate) static WRITE_ONE_UNLOCKED: LazyLock<String> =
    LazyLock::new(|| write_statement(LockedRows::Skip, Rows::One, ""));

/// Writes chains of one report each, where their rows are not locked.
pub(crate) static WRITE_UNLOCKED: LazyLock<String> =
    LazyLock::new(|| write_statement(LockedRows::Skip, Rows::Many, ""));

/// Writes chains of which some have earlier entries too, where their rows are not locked.
pub(crate) static WRITE_UNLOCKED_WITH_EARLIER: LazyLock<String> =
    LazyLock::new(|| write_statement(LockedRows::Skip, Rows::Many, &insert_earlier_events()));

/// The row of a run is still as it was read: in the same version, of the same time, since after a table was restored other reports
/// may lead to the same version. A deleted run has another version; as to `deleted_at` see [`read_statement`].
const IS_AS_READ: &str =
    "run.flow_id = row.flow_id AND run.id = row.id AND run.tenant_id = row.tenant_id
                AND run.version = row.seen AND run.modified_at = row.seen_at";

/// Writes the runs whose rows are still as they were read, and returns their numbers.
fn write_statement(locked: LockedRows, rows: Rows, earlier: &str) -> String {
    let (held, source, condition) = match locked {
        LockedRows::Wait => waiting(rows),
        LockedRows::Skip => skipping(rows),
    };
    format!(
        "WITH {held}written AS (
            UPDATE runs AS run SET {assignments}, modified_at = row.modified_at, deleted_at = row.deleted_at
            FROM {source} WHERE {condition}
            RETURNING row.number, row.flow_id, row.tenant_id, row.id, row.version, row.modified_at, {entry}
        ),
        {earlier}
        last AS ({insert})
        SELECT number FROM written",
        assignments = assignments("row.", &RUN_COLUMNS),
        entry = names("row.", &EVENT_COLUMNS),
        insert = insert_last_events("written"),
    )
}

/// The parts of a statement that waits for locked rows: no query before the update, its source and its condition. It looks up, and
/// locks, the rows in the order of the parameters. A row that was changed meanwhile is compared again, as READ COMMITTED does.
///
/// The timeout is set after the statement has locked its tables, for which it waits without it, and before it looks up the first
/// row. It ends with the transaction, whatever happens.
fn waiting(rows: Rows) -> (String, String, String) {
    let condition = format!(
        "{IS_AS_READ}
                AND (SELECT set_config('lock_timeout', '{LOCK_TIMEOUT}', true)) IS NOT NULL"
    );
    (String::new(), RunParameters::source(rows), condition)
}

/// The parts of a statement that skips locked rows: a query that locks the others, the source of the update and its condition. A
/// locked row is found again by its ctid, which cannot change while it is locked.
fn skipping(rows: Rows) -> (String, String, String) {
    let held = format!(
        "held AS MATERIALIZED (
            SELECT run.ctid AS row_ctid, row.* FROM {rows} JOIN runs AS run ON {IS_AS_READ}
            FOR NO KEY UPDATE OF run SKIP LOCKED
        ),
        ",
        rows = RunParameters::source(rows),
    );
    let condition = "run.ctid = row.row_ctid AND run.flow_id = row.flow_id AND run.id = row.id
                AND run.tenant_id = row.tenant_id";
    (held, "held AS row".to_owned(), condition.to_owned())
}

/// Writes the entries of each run's versions before the last. They are filtered by a hashed subquery, since the cost of a join
/// of two arrays is the product of their lengths.
fn insert_earlier_events() -> String {
    format!(
        "earlier AS (
            INSERT INTO run_events (flow_id, tenant_id, run_id, {event})
            SELECT event.flow_id, event.tenant_id, event.run_id, event.version, event.occurred_at, {values}
            FROM {events}
            WHERE (event.number IN (SELECT number FROM written)) IS TRUE
        ),",
        event = *columns::EVENT,
        values = values("event.", &EVENT_COLUMNS),
        events = EarlierParameters::source(),
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
    is_deleted: bool,
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
    for row in rows.into_iter().filter(|row| !row.is_deleted) {
        let number = usize::try_from(row.number).unwrap_or(usize::MAX);
        if let (Some(found), Some(key)) = (found.get_mut(number), keys.get(number)) {
            *found = row.run.into_run(*key).map(Some);
        }
    }
    Ok(found)
}

/// Writes the chains whose run is still as it was read. Returns for each chain whether it was written. The chains must be in the
/// order of their keys: their rows are locked in this order, so that two batches that wait for locked rows cannot deadlock.
pub(super) async fn write(
    connection: &mut PgConnection,
    chains: &[ChainWrite<'_>],
    locked: LockedRows,
) -> sqlx::Result<Vec<bool>> {
    let (mut runs, mut earlier) = (RunParameters::default(), EarlierParameters::default());
    for (number, chain) in chains.iter().enumerate() {
        runs.push(chain.seen, chain.run, chain.last)?;
        for event in &chain.earlier {
            earlier.push(number, event)?;
        }
    }
    let query = match (locked, earlier.is_empty()) {
        (LockedRows::Wait, true) => {
            runs.bind(sqlx::query_scalar(WRITE_ONE.as_str()), || sqlx::query_scalar(WRITE.as_str()))
        }
        (LockedRows::Skip, true) => runs
            .bind(sqlx::query_scalar(WRITE_ONE_UNLOCKED.as_str()), || {
                sqlx::query_scalar(WRITE_UNLOCKED.as_str())
            }),
        (LockedRows::Wait, false) => {
            earlier.bind(runs.bind_many(sqlx::query_scalar(WRITE_WITH_EARLIER.as_str())))
        }
        (LockedRows::Skip, false) => {
            earlier.bind(runs.bind_many(sqlx::query_scalar(WRITE_UNLOCKED_WITH_EARLIER.as_str())))
        }
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
