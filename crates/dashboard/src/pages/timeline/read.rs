//! Reads the runs of the lanes, with two statements, or three on a later page of flows.

use std::collections::BTreeMap;

use flowruns_domain::{
    dashboard::{MissingReason, MissingRuns, RunSpan, RunWindow},
    flow::Flow,
    id::{FlowKey, TenantId},
    query::{Direction, FlowOrder, FlowQuery, FlowSort, PageSize},
    store::{Store, StoreError},
    timestamp::Timestamp,
};

use crate::{
    address::{FlowPosition, TimelineAddress},
    view::lane::{Axis, LaneRun},
};

/// How many flows a page has.
const FLOWS: u16 = RunWindow::MAX_FLOWS as u16;

/// A flow and its runs in the window.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Lane {
    pub(super) key: FlowKey,
    pub(super) name: String,
    /// The earliest first.
    pub(super) runs: Vec<LaneRun>,
    /// Which runs were not read, if some were not.
    pub(super) missing: Option<MissingRuns>,
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
    /// Why runs of lanes are missing, each reason once, with the latest start before which they may be.
    pub(super) fn missing(&self) -> BTreeMap<MissingReason, Timestamp> {
        let mut latest = BTreeMap::new();
        for MissingRuns { reason, complete_from } in
            self.lanes.iter().filter_map(|lane| lane.missing)
        {
            let known = latest.entry(reason).or_insert(complete_from);
            *known = complete_from.max(*known);
        }
        latest
    }
}

/// Reads the lanes.
pub(super) async fn read_lanes(
    store: &dyn Store,
    tenant: TenantId,
    (address, axis): (&TimelineAddress, Axis),
) -> Result<Lanes, StoreError> {
    let query = FlowQuery {
        order: FlowOrder::new(FlowSort::DisplayName, Direction::Ascending),
        size: PageSize::new(FLOWS).unwrap_or_default(),
        after: address.after.as_ref().map(FlowPosition::cursor),
        ..FlowQuery::new(tenant)
    };
    let flows = store.query_flows(&query).await?;
    let ids = flows.items.iter().map(|flow| flow.key.flow);
    // A window before the year 1 is empty, and so is a page without flows.
    let window = RunWindow::new(ids, (axis.from, axis.to)).filter(|_| !flows.items.is_empty());
    let found = match window {
        Some(window) => store.runs_in_window(tenant, &window).await?,
        None => Vec::new(),
    };
    let mut found = found.into_iter();
    let lanes = flows.items.iter().map(|flow| {
        let (runs, missing) =
            found.next().map_or((Vec::new(), None), |found| (found.runs, found.missing));
        lane(flow, axis, (&runs, missing))
    });
    Ok(Lanes {
        lanes: lanes.collect(),
        next: flows.next.and_then(|next| FlowPosition::from_cursor(next.after)),
    })
}

fn lane(flow: &Flow, axis: Axis, (runs, missing): (&[RunSpan], Option<MissingRuns>)) -> Lane {
    let shown = runs.iter().map(|run| LaneRun {
        id: run.id,
        status: run.state.status(),
        start: run.start,
        end: run.state.end(),
    });
    Lane {
        key: flow.key,
        name: flow.properties.display_name.as_str().to_owned(),
        runs: shown.filter(|run| axis.shows(run)).collect(),
        missing,
    }
}
