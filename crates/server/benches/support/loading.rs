//! Fills a database by COPY, as if its runs had been created by POST.

use std::{fmt::Write as _, time::Duration};

use flowruns_domain::timestamp::Timestamp;

use super::{
    dataset::{self, Dataset, TENANT, flow_id, run_id},
    postgres::{Database, HISTORY_SPAN, history_start},
};

const CHUNK_BYTES: usize = 256 * 1024;
const PROGRESS_ROWS: u64 = 1_000_000;
/// The name of every run.
pub(crate) const NAME: &str = "Nightly rosters";

const COPY_FLOWS: &str = "
    COPY flows (id, tenant_id, display_name, readiness_status, data_domain, effective_at, version) FROM STDIN";
const COPY_RUNS: &str = "
    COPY runs (flow_id, id, tenant_id, display_name, start_at, status, statistics, version, created_at, modified_at)
    FROM STDIN";
/// Loads into memory what reports and reads use: other rows may have evicted it.
pub(crate) const PREWARM: &str = "
    SELECT pg_prewarm(name) FROM unnest(ARRAY['runs_flow_id_start_at_id_idx', 'runs_pkey', 'runs']) AS name";
const COPY_EVENTS: &str = "
    COPY run_events (flow_id, run_id, version, occurred_at, tenant_id, event_id, actor, request_id, action, changes)
    FROM STDIN";

/// Loads flows, runs and the first history entry of each run, then brings the database to rest.
pub(crate) fn load(database: &mut Database<'_>, dataset: Dataset) -> anyhow::Result<()> {
    let start = history_start()?;
    let step = HISTORY_SPAN / u32::try_from(dataset.runs)?;
    // The rows fit together, so the foreign key need not look at each.
    database.execute("SET session_replication_role = replica")?;
    let flows = lines("flows", 0..dataset.flows, |line, flow| flow_line(line, flow, start));
    database.copy(COPY_FLOWS, flows)?;

    let statistics = dataset::statistics();
    let runs = lines("runs", 1..dataset.runs + 1, |line, run| {
        let created = created(start, step, run);
        let (flow, run) = (flow_id(dataset.flow_of(run)), run_id(run));
        write!(
            line,
            "{flow}\t{run}\t{TENANT}\t{NAME}\t{created}\trunning\t{statistics}\t1\t{created}\t{created}"
        )
    });
    database.copy(COPY_RUNS, runs)?;

    let (before, after) = dataset::creation(NAME)?;
    let events = lines("events", 1..dataset.runs + 1, |line, run| {
        let created = created(start, step, run);
        let (flow, run) = (flow_id(dataset.flow_of(run)), run_id(run));
        // The id of the run is also the id of the report and of the request.
        write!(
            line,
            "{flow}\t{run}\t1\t{created}\t{TENANT}\t{run}\tload\t{run}\tcreated\t{before}{created}{after}"
        )
    });
    database.copy(COPY_EVENTS, events)?;
    database.execute("SET session_replication_role = origin")?;
    database.execute("VACUUM (FREEZE, ANALYZE)")?;
    database.execute("CREATE EXTENSION pg_prewarm")?;
    database.execute(PREWARM)?;
    database.execute("CHECKPOINT")
}

fn flow_line(line: &mut String, flow: u64, effective: Timestamp) -> std::fmt::Result {
    let id = flow_id(flow);
    write!(line, "{id}\t{TENANT}\tFlow {flow}\tready\teducationRostering\t{effective}\t1")
}

/// When a run was created: they follow each other as their numbers do.
fn created(start: Timestamp, step: Duration, run: u64) -> Timestamp {
    let offset = step * u32::try_from(run).unwrap_or(u32::MAX);
    Timestamp::new(start.date_time() + offset).unwrap_or(start)
}

/// Chunks of lines, one for each number.
fn lines(
    what: &'static str,
    mut numbers: std::ops::Range<u64>,
    mut write_line: impl FnMut(&mut String, u64) -> std::fmt::Result,
) -> impl FnMut() -> Option<Vec<u8>> {
    move || {
        let mut chunk = String::with_capacity(CHUNK_BYTES + 4096);
        while chunk.len() < CHUNK_BYTES {
            let Some(number) = numbers.next() else { break };
            // Writing to a string does not fail.
            let _infallible = write_line(&mut chunk, number);
            chunk.push('\n');
            if number % PROGRESS_ROWS == 0 && number > 0 {
                eprintln!("loading {what}: {number}");
            }
        }
        (!chunk.is_empty()).then(|| chunk.into_bytes())
    }
}
