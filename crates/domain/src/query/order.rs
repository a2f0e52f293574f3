//! Orders of lists, and cursors: the position of a row in an order.

use std::cmp::Ordering;

use crate::{
    flow::entity::Flow,
    id::{FlowId, RunId},
    run::entity::RunSummary,
    timestamp::Timestamp,
};

/// The direction of an order.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Direction {
    /// The least value first. Null is less than all values.
    Ascending,
    /// The greatest value first. Null comes last.
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

/// The sort key of runs.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum RunSort {
    /// The start.
    Start,
    /// The end.
    End,
    /// The display name, by code points.
    DisplayName,
    /// Only the id.
    Id,
}

/// An order of runs.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct RunOrder {
    /// The sort key.
    pub sort: RunSort,
    /// The direction of the sort key.
    pub direction: Direction,
    /// The direction of the ids of runs with equal sort keys. It has no effect if the id is the sort key.
    pub ties: Direction,
}

/// The latest start first.
impl Default for RunOrder {
    fn default() -> Self {
        Self::new(RunSort::Start, Direction::Descending)
    }
}

/// The value of the sort key of a row.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum SortKey {
    /// The row is sorted only by its id.
    Id,
    /// A time. Null is less than all times.
    Time(Option<Timestamp>),
    /// A name.
    Name(String),
}

/// The position of a run in an order. The run may have been deleted or changed since.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RunCursor {
    /// The value of the sort key.
    pub key: SortKey,
    /// Breaks ties of the sort key.
    pub run: RunId,
    /// Breaks ties of the id, in lists of all flows.
    pub flow: FlowId,
}

impl RunOrder {
    /// An order whose ties are broken by id in the same direction.
    pub const fn new(sort: RunSort, direction: Direction) -> Self {
        Self { sort, direction, ties: direction }
    }

    /// The position of a run.
    pub fn cursor(self, run: &RunSummary) -> RunCursor {
        let key = match self.sort {
            RunSort::Start => SortKey::Time(Some(run.start)),
            RunSort::End => SortKey::Time(run.state.end()),
            RunSort::DisplayName => SortKey::Name(run.display_name.as_str().to_owned()),
            RunSort::Id => SortKey::Id,
        };
        RunCursor { key, run: run.key.run, flow: run.key.flow }
    }

    /// Compares two positions; the lesser comes first.
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

/// The sort key of flows.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum FlowSort {
    /// Only the id.
    Id,
    /// The display name, by code points.
    DisplayName,
}

/// An order of flows.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct FlowOrder {
    /// The sort key.
    pub sort: FlowSort,
    /// The direction of the sort key.
    pub direction: Direction,
    /// The direction of the ids of flows with equal names. It has no effect if the id is the sort key.
    pub ties: Direction,
}

/// By id.
impl Default for FlowOrder {
    fn default() -> Self {
        Self::new(FlowSort::Id, Direction::Ascending)
    }
}

/// The position of a flow in an order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FlowCursor {
    /// The value of the sort key.
    pub key: SortKey,
    /// Breaks ties of the sort key.
    pub flow: FlowId,
}

impl FlowOrder {
    /// An order whose ties are broken by id in the same direction.
    pub const fn new(sort: FlowSort, direction: Direction) -> Self {
        Self { sort, direction, ties: direction }
    }

    /// The position of a flow.
    pub fn cursor(self, flow: &Flow) -> FlowCursor {
        let key = match self.sort {
            FlowSort::Id => SortKey::Id,
            FlowSort::DisplayName => {
                SortKey::Name(flow.properties.display_name.as_str().to_owned())
            }
        };
        FlowCursor { key, flow: flow.key.flow }
    }

    /// Compares two positions; the lesser comes first.
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
        let mixed = RunOrder { ties: Direction::Ascending, ..newest };
        assert!(mixed.compare(&low, &high).is_lt());
        assert!(mixed.compare(&high, &earlier).is_lt());
    }
}
