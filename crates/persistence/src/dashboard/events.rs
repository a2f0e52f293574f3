//! The newest entries of the history of a run.

use flowruns_domain::{
    dashboard::LastEvents,
    id::RunKey,
    query::{Page, PageSize},
    run::RunEvent,
    store::StoreError,
};
use sqlx::PgPool;

use super::Builder;
use crate::{
    columns,
    error::store_error,
    history::{self, ChunkRow, Times},
};

/// `None` where the run is absent.
pub(super) async fn read(
    pool: &PgPool,
    run: RunKey,
    last: LastEvents,
) -> Result<Option<Page<RunEvent>>, StoreError> {
    match history::times(pool, run).await? {
        Some(times) => newest(pool, run, last, times).await.map(Some),
        None => Ok(None),
    }
}

async fn newest(
    pool: &PgPool,
    run: RunKey,
    last: LastEvents,
    times: Times,
) -> Result<Page<RunEvent>, StoreError> {
    let size = PageSize::from(last.count);
    let mut sql = statement("", run, last, times);
    let rows: Vec<ChunkRow> = sql.build_query_as().fetch_all(pool).await.map_err(store_error)?;
    let found = rows.first().map_or(Ok(0), |row| usize::try_from(row.found));
    let is_whole = found == Ok(rows.len());
    let events = rows.into_iter().map(|row| row.event.into_event(run));
    let events = events.collect::<Result<Vec<_>, StoreError>>()?;
    Ok(match is_whole {
        true => Page::from_rows(events, size),
        false => Page::ended_early(events, size),
    })
}

/// As [`history::CHUNK`], from the newest entry to the oldest, and one extra entry, which shows that there are earlier ones.
pub(crate) fn statement(
    prefix: &str,
    run: RunKey,
    last: LastEvents,
    (created, modified): Times,
) -> Builder {
    let size = PageSize::from(last.count);
    let event = columns::EVENT.as_str();
    let mut sql = Builder::new(prefix);
    sql.push(format_args!(
        "SELECT {event}, bytes, found FROM (
            SELECT {event}, bytes, sum(bytes) OVER (ORDER BY version DESC) AS total, count(*) OVER () AS found
            FROM (
                SELECT {event}, octet_length(changes::text) + octet_length(actor) + 256 AS bytes
                FROM run_events WHERE flow_id = "
    ));
    sql.push_bind(run.flow.uuid()).push(" AND tenant_id = ").push_bind(run.tenant.uuid());
    sql.push(" AND run_id = ").push_bind(run.run.uuid());
    if let Some(next) = last.before {
        sql.push(" AND version < ").push_bind(next.number());
    }
    sql.push(" AND occurred_at BETWEEN ").push_bind(created).push(" AND ").push_bind(modified);
    sql.push(format_args!(
        " ORDER BY version DESC LIMIT {rows}) AS measured
        ) AS counted
        WHERE total <= {bytes} OR total = bytes
        ORDER BY version DESC",
        rows = size.rows() + 1,
        bytes = size.bytes(),
    ));
    sql
}
