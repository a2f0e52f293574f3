//! Orders of lists, and where a row stands in one.

use std::cmp::Ordering;

use crate::{
    flow::Flow,
    id::{FlowId, RunId},
    run::RunSummary,
    timestamp::Timestamp,
};

/// Which way a list goes.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Direction {
    /// The least first; null is less than everything.
    Ascending,
    /// The greatest first.
    Descending,
}

/// What runs are ordered by. Ties are broken by id, the least first, whatever the direction.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum RunSort {
    /// The start.
    Start,
    /// The end.
    End,
    /// The name, by code points.
    DisplayName,
    /// The id alone.
    Id,
}

/// An order of runs.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct RunOrder {
    /// What by.
    pub sort: RunSort,
    /// Which way.
    pub direction: Direction,
}

/// The newest start first.
impl Default for RunOrder {
    fn default() -> Self {
        Self {
            sort: RunSort::Start,
            direction: Direction::Descending,
        }
    }
}

/// The value that a row is ordered by.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum SortKey {
    /// Nothing but the id.
    Id,
    /// A time; null is the least.
    Time(Option<Timestamp>),
    /// A name.
    Name(String),
}

/// Where a run stands in an order. It need not be there any more.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RunCursor {
    /// What it is ordered by.
    pub key: SortKey,
    /// Then by this,
    pub run: RunId,
    /// and across flows by this.
    pub flow: FlowId,
}

impl RunOrder {
    /// Where a run stands.
    pub fn cursor(self, run: &RunSummary) -> RunCursor {
        let key = match self.sort {
            RunSort::Start => SortKey::Time(Some(run.start)),
            RunSort::End => SortKey::Time(run.state.end()),
            RunSort::DisplayName => SortKey::Name(run.display_name.as_str().to_owned()),
            RunSort::Id => SortKey::Id,
        };
        RunCursor {
            key,
            run: run.key.run,
            flow: run.key.flow,
        }
    }

    /// Which of two comes first.
    pub fn compare(self, one: &RunCursor, other: &RunCursor) -> Ordering {
        let ids = (one.run, one.flow).cmp(&(other.run, other.flow));
        match (self.sort, self.direction) {
            (RunSort::Id, direction) => directed(direction, ids),
            (_, direction) => directed(direction, one.key.cmp(&other.key)).then(ids),
        }
    }
}

/// What flows are ordered by. Ties are broken by id, the least first.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum FlowSort {
    /// The id alone.
    Id,
    /// The name, by code points.
    DisplayName,
}

/// An order of flows.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct FlowOrder {
    /// What by.
    pub sort: FlowSort,
    /// Which way.
    pub direction: Direction,
}

/// By id.
impl Default for FlowOrder {
    fn default() -> Self {
        Self {
            sort: FlowSort::Id,
            direction: Direction::Ascending,
        }
    }
}

/// Where a flow stands in an order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FlowCursor {
    /// What it is ordered by.
    pub key: SortKey,
    /// Then by this.
    pub flow: FlowId,
}

impl FlowOrder {
    /// Where a flow stands.
    pub fn cursor(self, flow: &Flow) -> FlowCursor {
        let key = match self.sort {
            FlowSort::Id => SortKey::Id,
            FlowSort::DisplayName => {
                SortKey::Name(flow.properties.display_name.as_str().to_owned())
            }
        };
        FlowCursor {
            key,
            flow: flow.key.flow,
        }
    }

    /// Which of two comes first.
    pub fn compare(self, one: &FlowCursor, other: &FlowCursor) -> Ordering {
        let ids = one.flow.cmp(&other.flow);
        match (self.sort, self.direction) {
            (FlowSort::Id, direction) => directed(direction, ids),
            (_, direction) => directed(direction, one.key.cmp(&other.key)).then(ids),
        }
    }
}

fn directed(direction: Direction, ordering: Ordering) -> Ordering {
    match direction {
        Direction::Ascending => ordering,
        Direction::Descending => ordering.reverse(),
    }
}
