//! Reads what the page of a run shows, in at most seven statements: the flow, the run, its neighbours, the run to compare with, the
//! newest runs of the flow, and two for the history.

use std::iter;

use flowruns_domain::{
    dashboard::{
        EarlierRun, EarlierRuns, EventCount, FlowIds, LastEvents, Neighbours, RecentRun,
        RunsPerFlow,
    },
    flow::Flow,
    id::{RunId, RunKey},
    query::{EventPageRequest, PageSize, event_bytes},
    run::{Outcome, Run, RunEvent, RunStatus, Statistics},
    store::{Store, StoreError},
    version::Version,
};

use flowruns_http::Offload;

use crate::{
    address::{Against, HistoryPart, RunPageAddress},
    links::{OVERVIEW, flow_path},
    problem::Problem,
};

/// How many runs before are read without their statistics: enough for what is usual.
const EARLIER: RunsPerFlow = RunsPerFlow::MAX;
/// How many runs before are read with their statistics.
const DETAILED: u16 = 20;
/// The most bytes of those statistics. Large ones are read of fewer runs.
const DETAILED_BYTES: u32 = 256 * 1024;

/// What the page shows.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) flow: Flow,
    pub(super) run: Run,
    /// Whether there are no runs before those of `neighbours`.
    pub(super) are_all_earlier: bool,
    pub(super) neighbours: Neighbours,
    /// The newest runs of the flow, if the run is in progress: by them it is stale or is not, as on the other pages.
    pub(super) newest: Vec<RecentRun>,
    pub(super) other: Option<OtherRun>,
    /// Entries of the history, the oldest first.
    pub(super) events: Vec<RunEvent>,
}

impl Reading {
    /// About how many bytes of documents were read; beyond [`Offload::LONG_BYTES`] they are not counted, which would take long.
    pub(super) fn document_bytes(&self) -> usize {
        let run = &self.run.properties;
        let own = (&run.statistics, run.blocking_error.as_ref());
        let earlier = self.neighbours.before.iter().filter_map(|earlier| earlier.details.as_ref());
        let earlier = earlier.map(|run| (&run.statistics, run.blocking_error.as_ref()));
        let other = self.other.iter().map(|other| (&other.statistics, None));
        let documents = iter::once(own).chain(other).chain(earlier);
        let documents = documents.map(|(statistics, error)| {
            statistics.text().len() + error.map_or(0, |error| error.members().compact_length())
        });
        let mut total = 0;
        for bytes in documents.chain(self.events.iter().map(event_bytes)) {
            total += bytes;
            if total > Offload::LONG_BYTES {
                break;
            }
        }
        total
    }
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
            Self::Before => neighbours.before.first().map(|earlier| earlier.run.id),
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
    let neighbours = store.neighbours(key.flow_key(), Some(key.run), earlier_runs()).await?;
    let wanted = Choice::of(address.against, run.properties.state.status()).id(&neighbours);
    let other = match wanted {
        Some(wanted) => other(store, key.flow_key().run(wanted), &neighbours.before).await?,
        None => None,
    };
    if let (None, Against::Run(absent)) = (&other, address.against) {
        let without = address.with_against(Against::Usual);
        let problem = Problem::no_run_to_compare(absent);
        return Err(problem.with_action("Show the run without it", without));
    }
    Ok(Reading {
        newest: newest(store, &run).await?,
        events: events(store, &run, address.history).await?,
        flow,
        run,
        are_all_earlier: neighbours.before.len() < usize::from(EARLIER.get()),
        neighbours,
        other,
    })
}

async fn newest(store: &dyn Store, run: &Run) -> Result<Vec<RecentRun>, StoreError> {
    let flows = FlowIds::new([run.key.flow]);
    let Some(flows) = flows.filter(|_| run.properties.state.end().is_none()) else {
        return Ok(Vec::new());
    };
    let found = store.recent_runs(run.key.tenant, &flows, RunsPerFlow::MAX).await?;
    Ok(found.into_iter().flat_map(|flow| flow.runs).collect())
}

fn earlier_runs() -> EarlierRuns {
    let details = PageSize::new(DETAILED).unwrap_or_default().within(DETAILED_BYTES);
    EarlierRuns { runs: EARLIER, details }
}

/// The run to compare with: one that was read already, or one that is read now.
async fn other(
    store: &dyn Store,
    key: RunKey,
    earlier: &[EarlierRun],
) -> Result<Option<OtherRun>, StoreError> {
    let known = earlier.iter().find(|earlier| earlier.run.id == key.run);
    let known = known.and_then(|EarlierRun { run, details }| {
        let statistics = details.as_ref()?.statistics.clone();
        Some(OtherRun { run: run.clone(), statistics })
    });
    if known.is_some() {
        return Ok(known);
    }
    let found = store.find_run(key).await?;
    Ok(found
        .map(|run| OtherRun { run: RecentRun::from(&run), statistics: run.properties.statistics }))
}

/// The entries of a part of the history, or the newest; the oldest first.
async fn events(
    store: &dyn Store,
    run: &Run,
    part: Option<HistoryPart>,
) -> Result<Vec<RunEvent>, StoreError> {
    let count = EventCount::MAX;
    let before = match part {
        // A page ends where its bytes end, so it is read from the end that the address names.
        Some(HistoryPart::From(first)) => {
            let page =
                EventPageRequest { size: count.into(), after: Version::new(first.number() - 1) };
            let page = store.list_run_events(run.key, page).await?;
            return Ok(page.map(|page| page.items).unwrap_or_default());
        }
        Some(HistoryPart::UpTo(last)) => Version::new(last.number().saturating_add(1)),
        None => None,
    };
    let newest = store.last_events(run.key, LastEvents { count, before }).await?;
    let mut events = newest.map(|page| page.items).unwrap_or_default();
    events.reverse();
    Ok(events)
}
