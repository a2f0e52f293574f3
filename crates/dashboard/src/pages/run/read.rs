//! Reads what the page of a run shows, in at most seven statements.

use flowruns_domain::{
    dashboard::{EventCount, LastEvents, NEWEST_FIRST, Neighbours, RecentRun},
    flow::Flow,
    id::{RunId, RunKey},
    query::{
        EventPageRequest, ListedRun, PageSize, RunCursor, RunDetails, RunQuery, RunScope, SortKey,
    },
    run::{Outcome, Run, RunEvent, RunStatus, Statistics},
    store::{Store, StoreError},
    version::Version,
};

use super::history;
use crate::{
    address::{Against, RunPageAddress},
    links::{OVERVIEW, flow_path},
    pages::streak::recent,
    problem::Problem,
};

/// How many runs before are read without their statistics: enough for what is usual.
const EARLIER: u16 = 50;
/// How many runs before are read with their statistics.
const DETAILED: u16 = 20;
/// The most bytes of those statistics. Large ones are read of fewer runs.
const DETAILED_BYTES: u32 = 256 * 1024;
const HISTORY_BYTES: u32 = 256 * 1024;

/// What the page shows.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) flow: Flow,
    pub(super) run: Run,
    /// The runs before, the newest first.
    pub(super) earlier: Vec<RecentRun>,
    /// Whether there are no runs before them.
    pub(super) are_all_earlier: bool,
    /// The statistics and errors of some runs before, the newest first.
    pub(super) detailed: Vec<RunDetails>,
    pub(super) neighbours: Neighbours,
    pub(super) other: Option<OtherRun>,
    /// Entries of the history, the oldest first.
    pub(super) events: Vec<RunEvent>,
}

/// A run whose statistics stand beside those of the run.
#[derive(Debug)]
pub(super) struct OtherRun {
    pub(super) run: RecentRun,
    pub(super) statistics: Statistics,
}

/// Which run to compare with, after the usual choice was made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Choice {
    Before,
    Completed,
    Run(RunId),
}

impl Choice {
    /// What the address asks for, or what is usual for a run of this status.
    pub(super) fn of(against: Against, status: RunStatus) -> Self {
        match (against, status) {
            (Against::Usual, RunStatus::Ended(Outcome::Failed | Outcome::CompletedWithErrors)) => {
                Self::Completed
            }
            (Against::Usual | Against::Before, _) => Self::Before,
            (Against::Completed, _) => Self::Completed,
            (Against::Run(run), _) => Self::Run(run),
        }
    }

    fn id(self, neighbours: &Neighbours) -> Option<RunId> {
        match self {
            Self::Before => neighbours.before.as_ref().map(|run| run.id),
            Self::Completed => neighbours.success.as_ref().map(|run| run.id),
            Self::Run(run) => Some(run),
        }
    }
}

/// Reads the run and what is shown beside it.
///
/// # Errors
///
/// 404 if the tenant has no such run, or its flow no such run to compare with.
pub(super) async fn read(
    store: &dyn Store,
    key: RunKey,
    address: &RunPageAddress,
) -> Result<Reading, Problem> {
    let no_flow = || Problem::not_found("flow").with_action("All flows", OVERVIEW);
    let no_run = || Problem::not_found("run").with_action("Runs of this flow", flow_path(key.flow));
    let flow = store.find_flow(key.flow_key()).await?.ok_or_else(no_flow)?;
    let run = store.find_run(key).await?.ok_or_else(no_run)?;
    let neighbours = store.neighbours(key).await?;
    let earlier = query(store, &earlier_query(&run)).await?;
    let detailed = query(store, &detailed_query(&run)).await?;
    let wanted = Choice::of(address.against, run.properties.state.status()).id(&neighbours);
    let other = match wanted {
        Some(wanted) => other(store, key.flow_key().run(wanted), &detailed).await?,
        None => None,
    };
    if let (None, Against::Run(absent)) = (&other, address.against) {
        let without = address.with_against(Against::Usual);
        let problem = Problem::no_run_to_compare(absent);
        return Err(problem.with_action("Show the run without it", without));
    }
    Ok(Reading {
        events: events(store, &run, address.history).await?,
        flow,
        run,
        are_all_earlier: earlier.len() < usize::from(EARLIER),
        earlier: earlier.into_iter().map(|listed| recent(listed.summary)).collect(),
        detailed: detailed.into_iter().filter_map(|listed| listed.details).collect(),
        neighbours,
        other,
    })
}

/// The runs before a run, the newest first.
fn earlier_query(run: &Run) -> RunQuery {
    let RunKey { flow, run: id, .. } = run.key;
    let start = SortKey::Time(Some(run.properties.start));
    RunQuery {
        order: NEWEST_FIRST,
        size: PageSize::new(EARLIER).unwrap_or_default(),
        after: Some(RunCursor { key: start, run: id, flow }),
        ..RunQuery::new(RunScope::Flow(run.key.flow_key()))
    }
}

fn detailed_query(run: &Run) -> RunQuery {
    let size = PageSize::new(DETAILED).unwrap_or_default().within(DETAILED_BYTES);
    RunQuery { size, details: true, ..earlier_query(run) }
}

async fn query(store: &dyn Store, query: &RunQuery) -> Result<Vec<ListedRun>, StoreError> {
    let page = store.query_runs(query).await?;
    // A flow that was deleted since it was read has no runs.
    Ok(page.map(|page| query.bounded(page).items).unwrap_or_default())
}

/// The run to compare with: one that was read already, or one that is read now.
async fn other(
    store: &dyn Store,
    key: RunKey,
    detailed: &[ListedRun],
) -> Result<Option<OtherRun>, StoreError> {
    let known = detailed.iter().find(|listed| listed.summary.key == key);
    let known = known.and_then(|listed| {
        let statistics = listed.details.as_ref()?.statistics.clone();
        Some(OtherRun { run: recent(listed.summary.clone()), statistics })
    });
    if known.is_some() {
        return Ok(known);
    }
    let found = store.find_run(key).await?;
    Ok(found
        .map(|run| OtherRun { run: RecentRun::from(&run), statistics: run.properties.statistics }))
}

/// The newest entries, or those up to this version; the oldest first. Versions have no gaps, so that the first one of a page is
/// known.
async fn events(
    store: &dyn Store,
    run: &Run,
    last: Option<Version>,
) -> Result<Vec<RunEvent>, StoreError> {
    let Some(last) = last else {
        let newest = store.last_events(run.key, LastEvents::new(EventCount::MAX)).await?;
        let mut events = newest.map(|page| page.items).unwrap_or_default();
        events.reverse();
        return Ok(events);
    };
    let size = PageSize::new(history::PAGE).unwrap_or_default().within(HISTORY_BYTES);
    let after = Version::new(last.number() - i64::from(history::PAGE));
    let page = store.list_run_events(run.key, EventPageRequest { size, after }).await?;
    let mut events = page.map(|page| page.bounded(size).items).unwrap_or_default();
    events.retain(|event| event.version <= last);
    Ok(events)
}
