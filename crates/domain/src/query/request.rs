//! Queries of runs and flows, what they give, and which of them are offered.

use thiserror::Error;

use super::{
    PageSize,
    filter::{FlowFilter, Operator, RunFilter, RunTerm, Test},
    order::{Direction, FlowCursor, FlowOrder, RunCursor, RunOrder, RunSort},
};
use crate::{
    error_object::PublicError,
    flow::Flow,
    id::{FlowKey, TenantId},
    run::RunSummary,
    statistics::Statistics,
    status::RunStatus,
};

/// How many rows a page, or a count, looks at. A page that looked at so many in vain is short, and is followed by another.
pub const SCAN_LIMIT: usize = 10_000;

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
    /// To know it, more than [`SCAN_LIMIT`] rows would have to be looked at.
    Unknown,
}

/// How a query of runs is carried out: along one index.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RunPlan {
    /// The order that the index has. That of the query, unless there can be but one run.
    pub order: RunOrder,
    /// The only status that can match, where the index begins with it.
    pub status: Option<RunStatus>,
}

/// A query that no index bounds. The text names one that works.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum NotOffered {
    /// An order that is kept within a flow only.
    #[error(
        "runs of all flows are ordered by startDateTime only; use $orderby=startDateTime desc, or the list of one flow"
    )]
    OrderAcrossFlows,
    /// A filter that is kept within a flow only.
    #[error(
        "runs of all flows are filtered by status and startDateTime only, such as $filter=status eq 'failed' and \
         startDateTime ge 2026-03-01T00:00:00Z; use the list of one flow for other properties"
    )]
    FilterAcrossFlows,
}

/// How a query is carried out, if it is offered.
///
/// # Errors
///
/// [`NotOffered`] where no index bounds the work.
pub fn offered(query: &RunQuery) -> Result<RunPlan, NotOffered> {
    if matches!(query.scope, RunScope::Tenant(_)) {
        if query.order.sort != RunSort::Start {
            return Err(NotOffered::OrderAcrossFlows);
        }
        let terms = query.filter.iter().flat_map(RunFilter::terms);
        let is_kept = |term: &RunTerm| matches!(term, RunTerm::Status(_) | RunTerm::Start(_));
        if !terms.into_iter().all(is_kept) {
            return Err(NotOffered::FilterAcrossFlows);
        }
    }
    let required = query.filter.as_ref().map(RunFilter::required);
    let required = required.unwrap_or_default();
    let is_one = |term: &&RunTerm| matches!(term, RunTerm::Id(Test::Compare(Operator::Eq, _)));
    let order = match required.iter().any(is_one) {
        true => RunOrder {
            sort: RunSort::Id,
            direction: Direction::Ascending,
        },
        false => query.order,
    };
    let status = match order.sort {
        RunSort::Start => only_status(&required),
        RunSort::End | RunSort::DisplayName | RunSort::Id => None,
    };
    Ok(RunPlan { order, status })
}

fn only_status(required: &[&RunTerm]) -> Option<RunStatus> {
    required.iter().find_map(|term| match term {
        RunTerm::Status(Test::Compare(Operator::Eq, status)) => *status,
        RunTerm::Status(Test::In(statuses)) if statuses.len() == 1 => statuses[0],
        _ => None,
    })
}
