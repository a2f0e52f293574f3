//! Reads the runs of the lanes.

use std::collections::HashMap;

use chrono::Duration;
use flowruns_domain::{
    dashboard::NEWEST_FIRST,
    id::{FlowId, FlowKey, TenantId},
    query::{
        Comparison, Direction, EnumComparison, Filter, FlowCursor, FlowOrder, FlowQuery, FlowSort,
        Operator, PageSize, RunCursor, RunPredicate, RunQuery, RunScope, SortKey,
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
pub(super) const FLOWS: u16 = 25;
/// How many runs are read for a page, in pages of the store.
pub(super) const MAX_RUNS: usize = PAGES * PageSize::MAX as usize;
const PAGES: usize = 3;
/// How long before the window a run may have started that ended in it. A run in progress is found whenever it started.
const LOOK_BACK: Duration = Duration::hours(6);

/// A flow and its runs in the window.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Lane {
    pub(super) key: FlowKey,
    pub(super) name: String,
    /// The earliest first.
    pub(super) runs: Vec<LaneRun>,
}

/// The lanes of a page.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Lanes {
    /// By name.
    pub(super) lanes: Vec<Lane>,
    /// Where the next page of flows begins.
    pub(super) next: Option<FlowPosition>,
    /// The start from which on all runs were read; `None` if all were.
    pub(super) complete_from: Option<Timestamp>,
}

/// The runs that were read, the latest start first.
struct RunsRead {
    runs: Vec<RunSummary>,
    complete_from: Option<Timestamp>,
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
    let service = RunService::new(environment.clone());
    let RunsRead { mut runs, complete_from } = read_runs(&service, tenant, axis).await?;
    runs.extend(read_long_running(&service, tenant, axis).await?);
    let mut by_flow = by_flow(&runs, axis);
    let lanes = flows.items.into_iter().map(|flow| Lane {
        key: flow.key,
        name: flow.properties.display_name.as_str().to_owned(),
        runs: by_flow.remove(&flow.key.flow).unwrap_or_default(),
    });
    let lanes = lanes.collect();
    let next = flows.next.and_then(|next| position(next.after));
    Ok(Lanes { lanes, next, complete_from })
}

/// The runs that started in the window or shortly before it.
async fn read_runs(
    service: &RunService,
    tenant: TenantId,
    axis: Axis,
) -> Result<RunsRead, ServiceError> {
    let from = look_back(axis);
    let filter = vec![started(Operator::Ge, from), started(Operator::Lt, axis.to)];
    let mut query = of_tenant(tenant, filter);
    let mut runs = Vec::new();
    for _ in 0..PAGES {
        let found = service.query(Via::NONE, &query).await?;
        runs.extend(found.items.into_iter().map(|listed| listed.summary));
        match found.next {
            None => return Ok(RunsRead { runs, complete_from: None }),
            Some(next) => query.after = Some(next.after),
        }
    }
    let reached = query.after.as_ref().and_then(start_of);
    let complete_from = reached.filter(|reached| *reached > axis.from);
    Ok(RunsRead { runs, complete_from })
}

/// The runs in progress that started before those.
async fn read_long_running(
    service: &RunService,
    tenant: TenantId,
    axis: Axis,
) -> Result<Vec<RunSummary>, ServiceError> {
    if axis.now < axis.from {
        return Ok(Vec::new());
    }
    let running = EnumComparison::Eq(Some(RunStatus::Running));
    let running = Filter::Predicate(RunPredicate::Status(running));
    let query = of_tenant(tenant, vec![running, started(Operator::Lt, look_back(axis))]);
    let found = service.query(Via::NONE, &query).await?;
    Ok(found.items.into_iter().map(|listed| listed.summary).collect())
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

fn start_of(cursor: &RunCursor) -> Option<Timestamp> {
    match cursor.key {
        SortKey::Time(start) => start,
        SortKey::Id | SortKey::Name(_) => None,
    }
}

/// The runs of each flow that the window shows, the earliest first.
fn by_flow(runs: &[RunSummary], axis: Axis) -> HashMap<FlowId, Vec<LaneRun>> {
    let mut by_flow: HashMap<FlowId, Vec<LaneRun>> = HashMap::new();
    for run in runs {
        let shown = LaneRun {
            id: run.key.run,
            status: run.state.status(),
            start: run.start,
            end: run.state.end(),
        };
        if axis.shows(&shown) {
            by_flow.entry(run.key.flow).or_default().push(shown);
        }
    }
    for runs in by_flow.values_mut() {
        runs.sort_by_key(|run| (run.start, run.id));
    }
    by_flow
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
