//! Reads the runs of the lanes, with at most seven statements.
//!
//! The newest runs of each flow are one statement, and are all of the current window unless a flow runs often. Otherwise, and
//! for windows in the past, the runs of all flows of the tenant that started in the window are read, the latest first.

use std::collections::{BTreeMap, HashMap};

use chrono::Duration;
use flowruns_domain::{
    dashboard::{FlowIds, NEWEST_FIRST, RunsPerFlow},
    flow::Flow,
    id::{FlowId, FlowKey, RunId, TenantId},
    query::{
        Comparison, Direction, EnumComparison, Filter, FlowCursor, FlowOrder, FlowQuery, FlowSort,
        Operator, PageSize, RunPredicate, RunQuery, RunScope, SortKey,
    },
    run::{RunStatus, RunSummary, Via},
    service::{Environment, FlowService, RunService, ServiceError},
    timestamp::Timestamp,
};

use crate::{
    address::{FlowPosition, TimelineAddress},
    view::lane::{Axis, LaneRun},
};

/// How many flows a page has.
const FLOWS: u16 = 25;
/// How many pages of runs of all flows are read, one statement each.
const PAGES: usize = 4;
/// How many runs of all flows are read.
pub(super) const MAX_RUNS: usize = PAGES * PageSize::MAX as usize;
/// How long before the window a run may have started that ended in it. A run in progress is found whenever it started.
const LOOK_BACK: Duration = Duration::hours(6);

/// A flow and its runs in the window.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Lane {
    pub(super) key: FlowKey,
    pub(super) name: String,
    /// The earliest first.
    pub(super) runs: Vec<LaneRun>,
    /// The start from which on all runs were read; `None` if all were.
    pub(super) complete_from: Option<Timestamp>,
}

/// The lanes of a page.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Lanes {
    /// By name.
    pub(super) lanes: Vec<Lane>,
    /// Where the next page of flows begins.
    pub(super) next: Option<FlowPosition>,
}

impl Lanes {
    /// The latest start before which runs of a lane may be missing.
    pub(super) fn complete_from(&self) -> Option<Timestamp> {
        self.lanes.iter().filter_map(|lane| lane.complete_from).max()
    }
}

/// The runs of some flows.
#[derive(Default)]
struct RunsRead {
    /// By flow and run, so that a run that is read twice counts once.
    by_flow: HashMap<FlowId, BTreeMap<RunId, LaneRun>>,
    /// The start from which on all runs of a flow were read, for the flows of which not all were.
    complete_from: HashMap<FlowId, Timestamp>,
}

/// Reads the lanes.
///
/// # Errors
///
/// [`ServiceError::Store`].
pub(super) async fn read_lanes(
    environment: &Environment,
    tenant: TenantId,
    (address, axis): (&TimelineAddress, Axis),
) -> Result<Lanes, ServiceError> {
    let query = FlowQuery {
        order: FlowOrder::new(FlowSort::DisplayName, Direction::Ascending),
        size: PageSize::new(FLOWS).unwrap_or_default(),
        after: address.after.as_ref().map(cursor),
        ..FlowQuery::new(tenant)
    };
    let flows = FlowService::new(environment.clone()).query(&query).await?;
    if flows.items.is_empty() {
        return Ok(Lanes::default());
    }
    let mut runs = RunsRead::default();
    let is_current = axis.now <= axis.to;
    if is_current {
        runs.read_recent(environment, tenant, (&flows.items, axis)).await?;
    }
    let service = RunService::new(environment.clone());
    if !is_current || !runs.complete_from.is_empty() {
        runs.read_window(&service, tenant, (&flows.items, axis)).await?;
    }
    runs.read_long_running(&service, tenant, axis).await?;
    let lanes = flows.items.iter().map(|flow| runs.lane(flow, axis)).collect();
    let next = flows.next.and_then(|next| position(next.after));
    Ok(Lanes { lanes, next })
}

impl RunsRead {
    /// The newest runs of each flow.
    async fn read_recent(
        &mut self,
        environment: &Environment,
        tenant: TenantId,
        (flows, axis): (&[Flow], Axis),
    ) -> Result<(), ServiceError> {
        let ids = FlowIds::new(flows.iter().map(|flow| flow.key.flow)).unwrap_or_default();
        let each = RunsPerFlow::MAX;
        for recent in environment.store.recent_runs(tenant, &ids, each).await? {
            let runs = recent.runs.iter().map(|run| LaneRun {
                id: run.id,
                status: run.status(),
                start: run.start,
                end: run.end(),
            });
            let runs: BTreeMap<RunId, LaneRun> = runs.map(|run| (run.id, run)).collect();
            let oldest = recent.runs.last().map(|run| run.start);
            let is_full = runs.len() >= usize::from(each.get());
            if let Some(oldest) = oldest.filter(|oldest| is_full && *oldest >= look_back(axis)) {
                self.complete_from.insert(recent.flow, oldest);
            }
            self.by_flow.insert(recent.flow, runs);
        }
        Ok(())
    }

    /// The runs of all flows that started in the window or shortly before it.
    async fn read_window(
        &mut self,
        service: &RunService,
        tenant: TenantId,
        (flows, axis): (&[Flow], Axis),
    ) -> Result<(), ServiceError> {
        let mut last = started(Operator::Lt, axis.to);
        let mut reached = axis.to;
        for _ in 0..PAGES {
            let first = started(Operator::Ge, look_back(axis));
            let found = service.query(Via::NONE, &of_tenant(tenant, vec![first, last])).await?;
            let earliest = found.items.last().map(|listed| listed.summary.start);
            found.items.iter().for_each(|listed| self.add(&listed.summary));
            if found.next.is_none() {
                self.complete_from.clear();
                return Ok(());
            }
            // The next page repeats the runs of its first start. A cursor would need a second statement.
            reached = earliest.unwrap_or(reached);
            last = started(Operator::Le, reached);
        }
        for flow in flows {
            let complete_from = self.complete_from.get(&flow.key.flow).copied();
            // A flow whose runs are all among the newest ones misses none.
            if complete_from.is_some() || axis.now > axis.to {
                let complete_from = complete_from.map_or(reached, |recent| recent.min(reached));
                self.complete_from.insert(flow.key.flow, complete_from);
            }
        }
        Ok(())
    }

    /// The runs in progress that started before those.
    async fn read_long_running(
        &mut self,
        service: &RunService,
        tenant: TenantId,
        axis: Axis,
    ) -> Result<(), ServiceError> {
        if axis.now < axis.from {
            return Ok(());
        }
        let running = EnumComparison::Eq(Some(RunStatus::Running));
        let running = Filter::Predicate(RunPredicate::Status(running));
        let query = of_tenant(tenant, vec![running, started(Operator::Lt, look_back(axis))]);
        let found = service.query(Via::NONE, &query).await?;
        found.items.iter().for_each(|listed| self.add(&listed.summary));
        Ok(())
    }

    fn add(&mut self, run: &RunSummary) {
        let (id, start) = (run.key.run, run.start);
        let shown = LaneRun { id, status: run.state.status(), start, end: run.state.end() };
        self.by_flow.entry(run.key.flow).or_default().insert(id, shown);
    }

    fn lane(&mut self, flow: &Flow, axis: Axis) -> Lane {
        let runs = self.by_flow.remove(&flow.key.flow).unwrap_or_default();
        let mut runs: Vec<LaneRun> = runs.into_values().filter(|run| axis.shows(run)).collect();
        runs.sort_by_key(|run| (run.start, run.id));
        let complete_from = self.complete_from.get(&flow.key.flow).copied();
        Lane {
            key: flow.key,
            name: flow.properties.display_name.as_str().to_owned(),
            runs,
            complete_from: complete_from.filter(|from| *from > axis.from),
        }
    }
}

fn of_tenant(tenant: TenantId, filter: Vec<Filter<RunPredicate>>) -> RunQuery {
    RunQuery {
        filter: Some(Filter::And(filter)),
        size: PageSize::new(PageSize::MAX).unwrap_or_default(),
        order: NEWEST_FIRST,
        ..RunQuery::new(RunScope::Tenant(tenant))
    }
}

fn started(operator: Operator, time: Timestamp) -> Filter<RunPredicate> {
    Filter::Predicate(RunPredicate::Start(Comparison::Compare(operator, Some(time))))
}

fn look_back(axis: Axis) -> Timestamp {
    Timestamp::new(axis.from.date_time() - LOOK_BACK).unwrap_or(axis.from)
}

fn cursor(position: &FlowPosition) -> FlowCursor {
    FlowCursor { key: SortKey::Name(position.name.clone()), flow: position.flow }
}

fn position(cursor: FlowCursor) -> Option<FlowPosition> {
    match cursor.key {
        SortKey::Name(name) => Some(FlowPosition { flow: cursor.flow, name }),
        SortKey::Id | SortKey::Time(_) => None,
    }
}
