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

impl Direction {
    /// The opposite direction.
    #[must_use]
    pub const fn reversed(self) -> Self {
        match self {
            Self::Ascending => Self::Descending,
            Self::Descending => Self::Ascending,
        }
    }
}

/// What runs are ordered by.
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
    /// The direction of the ids of runs with equal keys. It has no meaning where the id is the key.
    pub ties: Direction,
}

/// The newest start first.
impl Default for RunOrder {
    fn default() -> Self {
        Self::new(RunSort::Start, Direction::Descending)
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
    /// An order whose ties are broken by id in the direction of the key.
    pub const fn new(sort: RunSort, direction: Direction) -> Self {
        Self {
            sort,
            direction,
            ties: direction,
        }
    }

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
            (_, direction) => {
                directed(direction, one.key.cmp(&other.key)).then(directed(self.ties, ids))
            }
        }
    }
}

/// What flows are ordered by.
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
    /// The direction of the ids of flows with equal names. It has no meaning where the id is the key.
    pub ties: Direction,
}

/// By id.
impl Default for FlowOrder {
    fn default() -> Self {
        Self::new(FlowSort::Id, Direction::Ascending)
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
    /// An order whose ties are broken by id in the direction of the key.
    pub const fn new(sort: FlowSort, direction: Direction) -> Self {
        Self {
            sort,
            direction,
            ties: direction,
        }
    }

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
            (_, direction) => {
                directed(direction, one.key.cmp(&other.key)).then(directed(self.ties, ids))
            }
        }
    }
}

fn directed(direction: Direction, ordering: Ordering) -> Ordering {
    match direction {
        Direction::Ascending => ordering,
        Direction::Descending => ordering.reverse(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(second: i64, run: u128) -> RunCursor {
        let id = |number| uuid::Uuid::from_u128(number);
        let time = chrono::DateTime::from_timestamp(second, 0).unwrap();
        RunCursor {
            key: SortKey::Time(Some(Timestamp::new(time).unwrap())),
            run: RunId::new(id(run)).unwrap(),
            flow: FlowId::new(id(1)).unwrap(),
        }
    }

    #[test]
    fn ties_are_broken_in_the_direction_of_the_key_unless_another_is_asked_for() {
        let (earlier, low, high) = (cursor(1, 9), cursor(2, 1), cursor(2, 2));
        let newest = RunOrder::default();
        assert!(newest.compare(&high, &low).is_lt());
        assert!(newest.compare(&low, &earlier).is_lt());
        let mixed = RunOrder {
            ties: Direction::Ascending,
            ..newest
        };
        assert!(mixed.compare(&low, &high).is_lt());
        assert!(mixed.compare(&high, &earlier).is_lt());
    }
}
