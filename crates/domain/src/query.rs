//! Pages of lists: walked by key, so that rows that come or go make no page skip or repeat a row.

mod filter;
mod order;
mod plan;
mod request;
mod shown;

pub use self::{
    filter::{Condition, FlowFilter, FlowTerm, Operator, RunFilter, RunTerm, Test, TextTest},
    order::{Direction, FlowCursor, FlowOrder, FlowSort, RunCursor, RunOrder, RunSort, SortKey},
    plan::{MAX_LISTED_VALUES, NotOffered, RunPlan, offered},
    request::{
        Count, CountLimit, FlowQuery, Found, FoundFlows, FoundRuns, ListedRun, Next, RunDetails,
        RunQuery, RunScope, SCAN_LIMIT,
    },
};

use crate::event::Version;

/// How many rows a page holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PageSize(u16);

impl PageSize {
    /// The largest page.
    pub const MAX: u16 = 1000;

    /// A page of 0 to 1000 rows.
    pub fn new(rows: u16) -> Option<Self> {
        (rows <= Self::MAX).then_some(Self(rows))
    }

    /// The number of rows.
    pub const fn rows(self) -> usize {
        self.0 as usize
    }
}

/// 50 rows.
impl Default for PageSize {
    fn default() -> Self {
        Self(50)
    }
}

/// A page of a list that is walked by `K`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PageRequest<K> {
    /// The rows of the page.
    pub size: PageSize,
    /// The key of the last row of the page before.
    pub after: Option<K>,
}

/// The first page, of the default size.
impl<K> Default for PageRequest<K> {
    fn default() -> Self {
        Self {
            size: PageSize::default(),
            after: None,
        }
    }
}

/// The history of a run, oldest first.
pub type EventPageRequest = PageRequest<Version>;

/// The rows of a page, and whether there are more.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Whether another row follows.
    pub more: bool,
}

impl<T> Page<T> {
    /// Cuts a page out of rows that were read with one to spare.
    pub fn from_rows(mut items: Vec<T>, size: PageSize) -> Self {
        // A page of no rows has no last one to go on from.
        let more = items.len() > size.rows() && size.rows() > 0;
        items.truncate(size.rows());
        Self { items, more }
    }
}
