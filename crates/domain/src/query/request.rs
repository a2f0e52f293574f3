//! Queries of runs and flows, and what they give.

use super::{
    filter::{FlowFilter, RunFilter},
    order::{FlowCursor, FlowOrder, RunCursor, RunOrder},
    page::PageSize,
};
use crate::{
    error_object::PublicError,
    flow::Flow,
    id::{FlowKey, TenantId},
    run::RunSummary,
    statistics::Statistics,
};

/// The largest number of rows that a page looks at. A page that reaches it is short, and another follows.
pub const SCAN_LIMIT: usize = 10_000;

/// The largest number of rows that a count looks at: 1 to 10,000,000.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CountLimit(u32);

impl CountLimit {
    /// The largest limit.
    pub const MAX: u32 = 10_000_000;

    /// A limit of 1 to [`MAX`](Self::MAX) rows.
    pub const fn new(rows: u32) -> Option<Self> {
        if rows == 0 || rows > Self::MAX {
            None
        } else {
            Some(Self(rows))
        }
    }

    /// The number of rows.
    pub const fn rows(self) -> u32 {
        self.0
    }

    /// The count of matching rows, when `scanned` rows had to be looked at for it.
    pub fn count(self, matched: u64, scanned: u64) -> Count {
        if scanned <= u64::from(self.0) {
            Count::Exactly(matched)
        } else {
            Count::Unknown
        }
    }
}

/// 100,000 rows.
impl Default for CountLimit {
    fn default() -> Self {
        Self(100_000)
    }
}

/// Whose runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RunScope {
    /// Of one flow.
    Flow(FlowKey),
    /// Of every flow of a tenant.
    Tenant(TenantId),
}

impl RunScope {
    /// The owner.
    pub const fn tenant(self) -> TenantId {
        match self {
            Self::Flow(key) => key.tenant,
            Self::Tenant(tenant) => tenant,
        }
    }
}

/// A page of runs.
#[derive(Clone, Debug, PartialEq)]
pub struct RunQuery {
    /// Whose.
    pub scope: RunScope,
    /// Which; `None` is all.
    pub filter: Option<RunFilter>,
    /// In which order.
    pub order: RunOrder,
    /// The rows of the page.
    pub size: PageSize,
    /// How many rows are passed over first.
    pub skip: usize,
    /// Where the page before ended.
    pub after: Option<RunCursor>,
    /// Whether blockingError and statistics are read.
    pub details: bool,
}

impl RunQuery {
    /// The first page of all runs.
    pub fn new(scope: RunScope) -> Self {
        Self {
            scope,
            filter: None,
            order: RunOrder::default(),
            size: PageSize::default(),
            skip: 0,
            after: None,
            details: false,
        }
    }
}

impl RunQuery {
    /// A page of this query without the rows beyond its limit of bytes. A store bounds the documents that it reads; this
    /// bounds rows without documents too.
    pub fn bounded(&self, found: FoundRuns) -> FoundRuns {
        let cursor = |run: &ListedRun| self.order.cursor(&run.summary);
        found.bounded(self.size, ListedRun::bytes, cursor)
    }
}

/// What a list shows of a run only when it is asked to.
#[derive(Clone, Debug, PartialEq)]
pub struct RunDetails {
    /// Why it ended badly.
    pub blocking_error: Option<PublicError>,
    /// Its open object.
    pub statistics: Statistics,
}

/// A run in a list.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedRun {
    /// What can be read without its documents.
    pub summary: RunSummary,
    /// What was asked for beyond.
    pub details: Option<RunDetails>,
}

/// A page of flows.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowQuery {
    /// Whose.
    pub tenant: TenantId,
    /// Which; `None` is all.
    pub filter: Option<FlowFilter>,
    /// In which order.
    pub order: FlowOrder,
    /// The rows of the page.
    pub size: PageSize,
    /// How many rows are passed over first.
    pub skip: usize,
    /// Where the page before ended.
    pub after: Option<FlowCursor>,
}

impl FlowQuery {
    /// The first page of all flows.
    pub fn new(tenant: TenantId) -> Self {
        Self {
            tenant,
            filter: None,
            order: FlowOrder::default(),
            size: PageSize::default(),
            skip: 0,
            after: None,
        }
    }
}

/// The rows of a page, and where the next one begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Found<T, C> {
    /// The rows. They may be fewer than asked for although more follow.
    pub items: Vec<T>,
    /// Where the next page begins, unless this is the last.
    pub next: Option<Next<C>>,
}

/// Where the next page begins.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Next<C> {
    /// After this row.
    pub after: C,
    /// How many rows are still to be passed over.
    pub skip: usize,
}

impl<T, C> Found<T, C> {
    /// Cuts a page out of the rows that match, of which there is one to spare if there are more. `end` is where the
    /// search ended early.
    pub fn cut(
        mut matching: Vec<T>,
        (skip, size): (usize, PageSize),
        end: Option<C>,
        cursor: impl Fn(&T) -> C,
    ) -> Self {
        let skipped = skip.min(matching.len());
        let mut items = matching.split_off(skipped);
        let is_over_full = items.len() > size.rows();
        items.truncate(size.rows());
        let after = match (is_over_full, items.last()) {
            (true, last) => last.map(cursor),
            (false, _) => end.filter(|_| size.rows() > 0),
        };
        let next = after.map(|after| Next {
            after,
            skip: skip - skipped,
        });
        Self { items, next }
    }

    /// The page without the rows beyond its limit of bytes; then the next one begins after the last row that is left.
    #[must_use]
    pub fn bounded(
        mut self,
        size: PageSize,
        bytes: impl Fn(&T) -> usize,
        cursor: impl Fn(&T) -> C,
    ) -> Self {
        let fitting = size.rows_that_fit(&self.items, bytes);
        if fitting < self.items.len() {
            self.items.truncate(fitting);
            let after = self.items.last().map(cursor);
            self.next = after.map(|after| Next { after, skip: 0 });
        }
        self
    }
}

impl ListedRun {
    /// About how long it is in a page, in bytes.
    pub fn bytes(&self) -> usize {
        let documents = self.details.as_ref().map_or(0, |details| {
            let error = details.blocking_error.as_ref();
            details.statistics.members().compact_length()
                + error.map_or(0, |error| error.members().compact_length())
        });
        PageSize::ROW_BYTES + self.summary.display_name.as_str().len() + documents
    }
}

/// A page of runs.
pub type FoundRuns = Found<ListedRun, RunCursor>;
/// A page of flows.
pub type FoundFlows = Found<Flow, FlowCursor>;

/// How many rows there are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Count {
    /// So many.
    Exactly(u64),
    /// To know it, more rows than the [`CountLimit`], or more time than a statement has, would be needed.
    Unknown,
}
