//! The statements of the writer: each reads or writes many rows at once, and none ever waits for a row of `runs`.

use std::sync::LazyLock;

use flowruns_domain::{Change, Run, RunKey, StoreError};
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::report_chain::ChainWrite;
use crate::{
    parameters::{EarlierParameters, Rows, RunParameters},
    row::RunRow,
};

/// A row is found by its key, which also comes in many arrays or as a single row.
fn read_statement(keys: &str) -> String {
    format!(
        "SELECT key.number, run.id, display_name, start_at, end_at, status, blocking_error, statistics, version,
            created_at, modified_at
        FROM {keys} AS key (number, flow_id, id, tenant_id)
        JOIN runs AS run ON run.flow_id = key.flow_id AND run.id = key.id AND run.tenant_id = key.tenant_id
            AND run.deleted_at IS NULL"
    )
}

static READ: LazyLock<String> =
    LazyLock::new(|| read_statement("unnest($1::int[], $2::uuid[], $3::uuid[], $4::uuid[])"));

static READ_ONE: LazyLock<String> =
    LazyLock::new(|| read_statement("(VALUES ($1::int, $2::uuid, $3::uuid, $4::uuid))"));

/// For a lone report.
static WRITE_ONE: LazyLock<String> = LazyLock::new(|| write_statement(Rows::One, ""));

/// For chains of one report each, which are most.
static WRITE: LazyLock<String> = LazyLock::new(|| write_statement(Rows::Many, ""));

/// For chains of which some hold earlier entries too. They are joined by a hashed subquery, since other joins of two
/// arrays take the square of their length.
static WRITE_WITH_EARLIER: LazyLock<String> = LazyLock::new(|| {
    write_statement(Rows::Many, &format!(
        "earlier AS (
            INSERT INTO run_events (flow_id, tenant_id, run_id, version, occurred_at, event_id, actor, request_id,
                action, changes)
            SELECT row.flow_id, row.tenant_id, row.id, event.version, event.occurred_at, event.event_id, event.actor,
                event.request_id, event.action, event.changes::jsonb
            FROM {events}
            JOIN LATERAL (SELECT ($2::uuid[])[event.number + 1], ($4::uuid[])[event.number + 1],
                ($3::uuid[])[event.number + 1]) AS row (flow_id, tenant_id, id) ON true
            WHERE (event.number IN (SELECT number FROM written)) IS TRUE
        ),",
        events = EarlierParameters::source(),
    ))
});

/// A row that another session holds is skipped, not waited for: one open session would stop the whole batch. So no
/// order of locks is needed either. A held row is found again by its place, which cannot move while it is held.
fn write_statement(rows: Rows, earlier: &str) -> String {
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
            RETURNING held.number, held.flow_id, held.tenant_id, held.id, held.version, held.modified_at, held.event_id,
                held.actor, held.request_id, held.action, held.changes
        ),
        {earlier}
        last AS (
            INSERT INTO run_events (flow_id, tenant_id, run_id, version, occurred_at, event_id, actor, request_id,
                action, changes)
            SELECT flow_id, tenant_id, id, version, modified_at, event_id, actor, request_id, action, changes::jsonb
            FROM written
        )
        SELECT number FROM written",
        rows = RunParameters::source(rows),
    )
}

/// A row that is there, or whose flow is not, is left out.
fn create_statement(rows: Rows) -> String {
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
        rows = RunParameters::source(rows),
    )
}

static CREATE: LazyLock<String> = LazyLock::new(|| create_statement(Rows::Many));

static CREATE_ONE: LazyLock<String> = LazyLock::new(|| create_statement(Rows::One));

#[derive(FromRow)]
struct NumberedRow {
    number: i32,
    #[sqlx(flatten)]
    run: RunRow,
}

/// Reads many runs, each in the place of its key; an impossible row is its own failure.
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
        let place = usize::try_from(row.number).unwrap_or(usize::MAX);
        if let (Some(place), Some(key)) = (found.get_mut(place), keys.get(place)) {
            *place = row.run.into_run(*key).map(Some);
        }
    }
    Ok(found)
}

/// Writes many chains: those whose run is still as it was read. Tells which were written.
pub(super) async fn write(
    connection: &mut PgConnection,
    chains: &[ChainWrite<'_>],
) -> sqlx::Result<Vec<bool>> {
    let (mut runs, mut earlier) = (RunParameters::default(), EarlierParameters::default());
    for (number, chain) in (0..).zip(chains) {
        runs.push(number, chain.seen.version, chain.run, chain.last)?;
        for event in &chain.earlier {
            earlier.push(number, event)?;
        }
    }
    let query = match runs.rows() {
        _ if !earlier.is_empty() => {
            let query = sqlx::query_scalar(WRITE_WITH_EARLIER.as_str());
            earlier.bind(runs.bind(Rows::Many, query))
        }
        Rows::One => runs.bind(Rows::One, sqlx::query_scalar(WRITE_ONE.as_str())),
        Rows::Many => runs.bind(Rows::Many, sqlx::query_scalar(WRITE.as_str())),
    };
    let written = query.fetch_all(connection).await?;
    Ok(flags(chains.len(), &written))
}

/// Creates many runs: those whose flow is there and whose id is free. Tells which were created.
pub(super) async fn create(
    connection: &mut PgConnection,
    creations: &[&Change],
) -> sqlx::Result<Vec<bool>> {
    let mut runs = RunParameters::default();
    for (number, Change { run, event }) in (0..).zip(creations) {
        runs.push(number, run.version, run, event)?;
    }
    let query = match runs.rows() {
        Rows::One => runs.bind(Rows::One, sqlx::query_scalar(CREATE_ONE.as_str())),
        Rows::Many => runs.bind(Rows::Many, sqlx::query_scalar(CREATE.as_str())),
    };
    let created = query.fetch_all(connection).await?;
    Ok(flags(creations.len(), &created))
}

fn numbers(count: usize) -> Vec<i32> {
    (0..).take(count).collect()
}

fn flags(count: usize, numbers: &[i32]) -> Vec<bool> {
    let mut marks = vec![false; count];
    for number in numbers {
        if let Some(mark) = usize::try_from(*number).ok().and_then(|n| marks.get_mut(n)) {
            *mark = true;
        }
    }
    marks
}
