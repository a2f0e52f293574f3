//! Reads what the page of a run shows, in at most seven statements.

use flowruns_domain::{
    dashboard::EventCount,
    flow::Flow,
    id::{RunId, RunKey},
    query::{
        Direction, EnumComparison, EventPageRequest, Filter, ListedRun, PageSize,
        RunCursor, RunDetails, RunOrder, RunPredicate, RunQuery, RunScope, RunSort, SortKey, event_bytes,
    },
    run::{Outcome, Run, RunEvent, RunStatus, RunSummary, Statistics},
    store::{Store, StoreError},
    version::Version,
};

use super::history;
use crate::{
    address::{Against, RunPageAddress},
    links::flow_path,
    pages::streak::is_good,
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
    pub(super) earlier: Vec<RunSummary>,
    /// Whether there are no runs before them.
    pub(super) are_all_earlier: bool,
    /// The statistics and errors of some runs before, the newest first.
    pub(super) detailed: Vec<RunDetails>,
    pub(super) next: Option<RunSummary>,
    /// The last run before that completed, with or without warnings; not always looked for.
    pub(super) last_good: Option<RunSummary>,
    pub(super) other: Option<OtherRun>,
    /// Entries of the history, the oldest first.
    pub(super) events: Vec<RunEvent>,
}

/// A run whose statistics stand beside those of the run.
#[derive(Debug)]
pub(super) struct OtherRun {
    pub(super) run: RunSummary,
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
}

/// Reads the run and what is shown beside it.
///
/// # Errors
///
/// 404 if the tenant has no such run, or no such run to compare with.
pub(super) async fn read(
    store: &dyn Store,
    key: RunKey,
    address: &RunPageAddress,
) -> Result<Reading, Problem> {
    let (flow, run) = match store.find_flow(key.flow_key()).await? {
        Some(flow) => (flow, store.find_run(key).await?),
        None => return Err(not_found("flow")),
    };
    let run = run.ok_or_else(|| not_found("run").with_action("Runs of this flow", flow_path(key.flow)))?;
    let before = Neighbours::of(&run, Direction::Descending);
    let earlier = query(store, before.query(EARLIER)).await?;
    let are_all_earlier = earlier.len() < usize::from(EARLIER);
    let earlier: Vec<RunSummary> = earlier.into_iter().map(|listed| listed.summary).collect();
    let detailed = query(store, before.detailed_query()).await?;
    let next = query(store, Neighbours::of(&run, Direction::Ascending).query(1)).await?;
    let choice = Choice::of(address.against, run.properties.state.status());
    let (other, last_good) = beside(store, &run, choice, (&earlier, &detailed)).await?;
    let events = events(store, &run, address.history).await?;
    Ok(Reading {
        detailed: detailed.into_iter().filter_map(|listed| listed.details).collect(),
        next: next.into_iter().next().map(|listed| listed.summary),
        flow,
        run,
        earlier,
        are_all_earlier,
        last_good,
        other,
        events,
    })
}

fn not_found(what: &'static str) -> Problem {
    Problem::not_found(what).with_action("All flows", crate::links::OVERVIEW)
}

/// The runs of the flow on one side of a run, in the order of their starts.
struct Neighbours {
    scope: RunScope,
    order: RunOrder,
    after: RunCursor,
}

impl Neighbours {
    fn of(run: &Run, direction: Direction) -> Self {
        let RunKey { flow, run: id, .. } = run.key;
        Self {
            scope: RunScope::Flow(run.key.flow_key()),
            order: RunOrder::new(RunSort::Start, direction),
            after: RunCursor { key: SortKey::Time(Some(run.properties.start)), run: id, flow },
        }
    }

    fn query(&self, rows: u16) -> RunQuery {
        RunQuery {
            order: self.order,
            size: PageSize::new(rows).unwrap_or_default(),
            after: Some(self.after.clone()),
            ..RunQuery::new(self.scope)
        }
    }

    fn detailed_query(&self) -> RunQuery {
        let query = self.query(DETAILED);
        RunQuery { size: query.size.within(DETAILED_BYTES), details: true, ..query }
    }

    /// The newest one that completed, with its statistics.
    fn last_good_query(&self) -> RunQuery {
        let good = RunStatus::ALL.into_iter().filter(|status| is_good(*status)).map(Some);
        let filter = RunPredicate::Status(EnumComparison::In(good.collect()));
        let filter = Some(Filter::Predicate(filter));
        RunQuery { filter, details: true, ..self.query(1) }
    }
}

async fn query(store: &dyn Store, query: RunQuery) -> Result<Vec<ListedRun>, StoreError> {
    let page = store.query_runs(&query).await?;
    // A flow that was deleted since it was read has no runs.
    Ok(page.map(|page| query.bounded(page).items).unwrap_or_default())
}

/// The run to compare with, and the last good one. The last good one is looked for among older runs only if that is the run to
/// compare with: a page has a number of statements.
async fn beside(
    store: &dyn Store,
    run: &Run,
    choice: Choice,
    (earlier, detailed): (&[RunSummary], &[ListedRun]),
) -> Result<(Option<OtherRun>, Option<RunSummary>), Problem> {
    let mut last_good = earlier.iter().find(|run| is_good(run.state.status())).cloned();
    let wanted = match choice {
        Choice::Before => earlier.first().map(|run| run.key.run),
        Choice::Completed => last_good.as_ref().map(|run| run.key.run),
        Choice::Run(run) => Some(run),
    };
    let known = detailed.iter().find(|listed| Some(listed.summary.key.run) == wanted);
    if let Some(known) = known.cloned().and_then(OtherRun::of) {
        return Ok((Some(known), last_good));
    }
    let other = match (wanted, choice) {
        (Some(wanted), _) => find(store, run.key.flow_key().run(wanted)).await?,
        (None, Choice::Completed) if earlier.len() >= usize::from(EARLIER) => {
            let good = Neighbours::of(run, Direction::Descending).last_good_query();
            let found = query(store, good).await?.into_iter().next();
            let found = found.and_then(OtherRun::of);
            last_good = found.as_ref().map(|good| good.run.clone());
            found
        }
        (None, _) => None,
    };
    match (other, choice) {
        (None, Choice::Run(_)) => {
            let address = RunPageAddress::new(run.key.flow, run.key.run);
            let problem = Problem::not_found("run to compare with");
            Err(problem.with_action("Show the run without it", address))
        }
        (other, _) => Ok((other, last_good)),
    }
}

async fn find(store: &dyn Store, key: RunKey) -> Result<Option<OtherRun>, StoreError> {
    let found = store.find_run(key).await?;
    Ok(found.map(|Run { key, version, properties, .. }| OtherRun {
        run: RunSummary {
            key,
            version,
            display_name: properties.display_name,
            start: properties.start,
            state: properties.state,
        },
        statistics: properties.statistics,
    }))
}

impl OtherRun {
    fn of(listed: ListedRun) -> Option<Self> {
        Some(Self { run: listed.summary, statistics: listed.details?.statistics })
    }
}

/// The newest entries, or those up to this version; the oldest first. Versions have no gaps, so that the first one of a page is
/// known.
async fn events(
    store: &dyn Store,
    run: &Run,
    last: Option<Version>,
) -> Result<Vec<RunEvent>, StoreError> {
    let Some(last) = last else {
        let newest = store.last_events(run.key, EventCount::new(history::PAGE)).await?;
        return Ok(newest_within(newest, HISTORY_BYTES));
    };
    let size = PageSize::new(history::PAGE).unwrap_or_default().within(HISTORY_BYTES);
    let after = Version::new(last.number() - i64::from(history::PAGE));
    let page = store.list_run_events(run.key, EventPageRequest { size, after }).await?;
    let mut events = page.map(|page| page.bounded(size).items).unwrap_or_default();
    events.retain(|event| event.version <= last);
    Ok(events)
}

/// The newest entry, and older ones within a number of bytes; the oldest first.
fn newest_within(newest_first: Vec<RunEvent>, most: u32) -> Vec<RunEvent> {
    let mut bytes = 0;
    let mut fits = |event: &RunEvent| {
        let is_first = bytes == 0;
        bytes += event_bytes(event);
        is_first || bytes <= most as usize
    };
    let mut events: Vec<RunEvent> = newest_first.into_iter().take_while(|event| fits(event)).collect();
    events.reverse();
    events
}
