//! The statements of the writer: each reads or writes many rows at once, and none ever waits for a row of `runs`.

use std::sync::LazyLock;

use flowruns_domain::{Change, Run, RunKey, StoreError};
use sqlx::{FromRow as _, PgConnection, Row as _, postgres::PgRow};
use uuid::Uuid;

use super::chain::ChainWrite;
use crate::{
    columns::{EarlierColumns, RunColumns, Statement},
    row::RunRow,
};

/// What a trip returns for a run that was read; for one that was written only its number.
const READ: &str = "SELECT false AS written, key.number, run.id, run.display_name, run.start_at, run.end_at, run.status,
        run.blocking_error, run.statistics, run.version, run.created_at, run.modified_at";
const WRITTEN: &str =
    "SELECT true AS written, number, NULL::uuid AS id, NULL::text AS display_name,
        NULL::timestamptz AS start_at, NULL::timestamptz AS end_at, NULL::text AS status,
        NULL::jsonb AS blocking_error, NULL::jsonb AS statistics, NULL::bigint AS version,
        NULL::timestamptz AS created_at, NULL::timestamptz AS modified_at FROM written";

/// The statements of a trip that writes: most chains have one entry, and often nothing is to be read.
static WRITE: LazyLock<String> = LazyLock::new(|| write_statement(false, None));
static WRITE_EARLIER: LazyLock<String> = LazyLock::new(|| write_statement(true, None));
static WRITE_READ: LazyLock<String> =
    LazyLock::new(|| write_statement(false, Some(RunColumns::COUNT)));
static WRITE_EARLIER_READ: LazyLock<String> =
    LazyLock::new(|| write_statement(true, Some(RunColumns::COUNT + EarlierColumns::COUNT)));
static READ_ALONE: LazyLock<String> = LazyLock::new(|| read_statement(0));

/// Reads the keys that are bound after so many parameters.
fn read_statement(after: usize) -> String {
    let [number, flow, run, tenant] = [after + 1, after + 2, after + 3, after + 4];
    format!(
        "{READ}
        FROM unnest(${number}::int[], ${flow}::uuid[], ${run}::uuid[], ${tenant}::uuid[])
            AS key (number, flow_id, id, tenant_id)
        JOIN runs AS run ON run.flow_id = key.flow_id AND run.id = key.id AND run.tenant_id = key.tenant_id
            AND run.deleted_at IS NULL"
    )
}

/// Writes chains: those whose run is still as it was read. Entries before the last of a chain are joined by a hashed
/// subquery, since other joins of two arrays take the square of their length. Also reads, when told after how many
/// parameters the keys are: one trip to the database serves the batch that is written and the one that comes after it.
///
/// A row that another session holds is skipped, not waited for: one open session would stop the whole batch. So no
/// order of locks is needed either. A held row is found again by its place, which cannot move while it is held.
fn write_statement(earlier: bool, read_after: Option<usize>) -> String {
    let earlier = if earlier {
        format!(
            "earlier AS (
                INSERT INTO run_events (flow_id, tenant_id, run_id, version, occurred_at, event_id, actor,
                    request_id, action, changes)
                SELECT ($2::uuid[])[event.number + 1], ($4::uuid[])[event.number + 1],
                    ($3::uuid[])[event.number + 1], event.version, event.occurred_at, event.event_id, event.actor,
                    event.request_id, event.action, event.changes::jsonb
                FROM {events} WHERE (event.number IN (SELECT number FROM written)) IS TRUE
            ),",
            events = EarlierColumns::ROWS,
        )
    } else {
        String::new()
    };
    let read = read_after.map_or(String::new(), |after| {
        format!("UNION ALL {}", read_statement(after))
    });
    format!(
        "WITH held AS MATERIALIZED (
            SELECT run.ctid AS place, row.* FROM {rows}
            JOIN runs AS run ON run.flow_id = row.flow_id AND run.id = row.id AND run.tenant_id = row.tenant_id
                AND run.version = row.seen AND run.deleted_at IS NULL
            FOR NO KEY UPDATE OF run SKIP LOCKED
        ),
        written AS (
            UPDATE runs AS run SET display_name = held.display_name, start_at = held.start_at, end_at = held.end_at,
                status = held.status, blocking_error = held.blocking_error::jsonb,
                statistics = held.statistics::jsonb, version = held.version, modified_at = held.modified_at,
                deleted_at = held.deleted_at
            FROM held WHERE run.ctid = held.place AND run.flow_id = held.flow_id AND run.id = held.id
                AND run.tenant_id = held.tenant_id
            RETURNING held.*
        ),
        {earlier}
        last AS (
            INSERT INTO run_events (flow_id, tenant_id, run_id, version, occurred_at, event_id, actor, request_id,
                action, changes)
            SELECT flow_id, tenant_id, id, version, modified_at, event_id, actor, request_id, action, changes::jsonb
            FROM written
        )
        {WRITTEN} {read}",
        rows = RunColumns::ROWS,
    )
}

/// A row that is there, or whose flow is not, is left out.
static CREATE: LazyLock<String> = LazyLock::new(|| {
    format!(
        "WITH wanted AS MATERIALIZED (
            SELECT row.* FROM {rows}
            JOIN flows AS flow ON flow.id = row.flow_id AND flow.tenant_id = row.tenant_id
        ),
        created AS (
            INSERT INTO runs (flow_id, tenant_id, id, display_name, start_at, end_at, status, blocking_error,
                statistics, version, created_at, modified_at)
            SELECT flow_id, tenant_id, id, display_name, start_at, end_at, status, blocking_error::jsonb,
                statistics::jsonb, version, modified_at, modified_at
            FROM wanted
            ON CONFLICT (flow_id, id) DO NOTHING
            RETURNING flow_id, id
        ),
        done AS MATERIALIZED (
            SELECT * FROM wanted WHERE ((flow_id, id) IN (SELECT flow_id, id FROM created)) IS TRUE
        ),
        first AS (
            INSERT INTO run_events (flow_id, tenant_id, run_id, version, occurred_at, event_id, actor, request_id,
                action, changes)
            SELECT flow_id, tenant_id, id, version, modified_at, event_id, actor, request_id, action, changes::jsonb
            FROM done
        )
        SELECT number FROM done",
        rows = RunColumns::ROWS,
    )
});

/// What a trip to the database brought back.
pub(super) struct Trip {
    /// Of each chain, whether it was written.
    pub(super) written: Vec<bool>,
    /// The run of each key; an impossible row is its own failure.
    pub(super) found: Vec<Result<Option<Run>, StoreError>>,
}

/// Writes chains and reads runs, which are others, in one statement. Writes are committed when it returns.
pub(super) async fn trip(
    connection: &mut PgConnection,
    chains: &[ChainWrite<'_>],
    keys: &[RunKey],
) -> sqlx::Result<Trip> {
    let (mut runs, mut earlier) = (RunColumns::default(), EarlierColumns::default());
    for (number, chain) in (0..).zip(chains) {
        runs.push(number, chain.seen.version, chain.run, chain.last)?;
        for event in &chain.earlier {
            earlier.push(number, event)?;
        }
    }
    let mut query = sqlx::query(
        match (chains.is_empty(), earlier.is_empty(), keys.is_empty()) {
            (true, _, _) => &READ_ALONE,
            (false, true, true) => &WRITE,
            (false, true, false) => &WRITE_READ,
            (false, false, true) => &WRITE_EARLIER,
            (false, false, false) => &WRITE_EARLIER_READ,
        }
        .as_str(),
    );
    if !chains.is_empty() {
        query = runs.bind(query);
    }
    if !earlier.is_empty() {
        query = earlier.bind(query);
    }
    if !keys.is_empty() {
        query = bind_keys(query, keys);
    }
    returned(&query.fetch_all(connection).await?, chains.len(), keys)
}

fn bind_keys<'q>(query: Statement<'q>, keys: &[RunKey]) -> Statement<'q> {
    let ids = |id: fn(&RunKey) -> Uuid| keys.iter().map(id).collect::<Vec<_>>();
    let numbers: Vec<i32> = (0..).take(keys.len()).collect();
    query
        .bind(numbers)
        .bind(ids(|key| key.flow.uuid()))
        .bind(ids(|key| key.run.uuid()))
        .bind(ids(|key| key.tenant.uuid()))
}

fn returned(rows: &[PgRow], chains: usize, keys: &[RunKey]) -> sqlx::Result<Trip> {
    let mut trip = Trip {
        written: vec![false; chains],
        found: keys.iter().map(|_| Ok(None)).collect(),
    };
    for row in rows {
        let number = usize::try_from(row.try_get::<i32, _>("number")?).unwrap_or(usize::MAX);
        if row.try_get("written")? {
            if let Some(written) = trip.written.get_mut(number) {
                *written = true;
            }
        } else if let (Some(found), Some(key)) = (trip.found.get_mut(number), keys.get(number)) {
            *found = RunRow::from_row(row)?.into_run(*key).map(Some);
        }
    }
    Ok(trip)
}

/// Creates many runs: those whose flow is there and whose id is free. Tells which were created.
pub(super) async fn create(
    connection: &mut PgConnection,
    creations: &[&Change],
) -> sqlx::Result<Vec<bool>> {
    let mut runs = RunColumns::default();
    for (number, Change { run, event }) in (0..).zip(creations) {
        runs.push(number, run.version, run, event)?;
    }
    let query = runs.bind(sqlx::query(CREATE.as_str()));
    let mut created = vec![false; creations.len()];
    for row in query.fetch_all(connection).await? {
        let number = usize::try_from(row.try_get::<i32, _>("number")?).unwrap_or(usize::MAX);
        if let Some(created) = created.get_mut(number) {
            *created = true;
        }
    }
    Ok(created)
}
