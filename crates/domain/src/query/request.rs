//! Queries of runs and flows.

use crate::{
    id::{FlowKey, TenantId},
    query::{
        filter::{FlowFilter, RunFilter},
        order::{FlowCursor, FlowOrder, RunCursor, RunOrder},
        page::PageSize,
    },
};

/// The maximum number of rows that a store examines for each key range of a page. A page that reaches it is short, and another
/// one follows.
pub const SCAN_LIMIT: usize = 10_000;

/// Which runs a query covers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RunScope {
    /// The runs of one flow.
    Flow(FlowKey),
    /// The runs of all flows of a tenant.
    Tenant(TenantId),
}

impl RunScope {
    /// The tenant.
    pub const fn tenant(self) -> TenantId {
        match self {
            Self::Flow(key) => key.tenant,
            Self::Tenant(tenant) => tenant,
        }
    }
}

/// A query for a page of runs.
///
/// ```
/// use flowruns_domain::{
///     query::{
///         EnumComparison, Filter, RunPredicate, RunQuery, RunScope, TextComparison, UnsupportedQuery,
///         check_supported,
///     },
///     run::{Outcome, RunStatus},
/// };
///
/// let tenant = "1e0c5e0a-4f7b-4a35-9a5c-7b0f2d7f3c55".parse()?;
/// let failed = RunPredicate::Status(EnumComparison::Eq(Some(RunStatus::Ended(Outcome::Failed))));
/// let filter = Filter::Predicate(failed);
/// assert_eq!(filter.to_string(), "status eq 'failed'");
/// let query = RunQuery { filter: Some(filter), ..RunQuery::new(RunScope::Tenant(tenant)) };
/// assert_eq!(check_supported(&query), Ok(()));
///
/// // No index bounds a search in the names of the runs of all flows.
/// let nightly = RunPredicate::DisplayName(TextComparison::Contains("nightly".to_owned()));
/// let query = RunQuery { filter: Some(Filter::Predicate(nightly)), ..query };
/// assert_eq!(check_supported(&query), Err(UnsupportedQuery::FilterAcrossFlows));
/// # Ok::<(), flowruns_domain::id::InvalidId>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RunQuery {
    /// The runs that are covered.
    pub scope: RunScope,
    /// The filter; `None` matches all.
    pub filter: Option<RunFilter>,
    /// The order.
    pub order: RunOrder,
    /// The size of the page.
    pub size: PageSize,
    /// The number of matching rows to skip first.
    pub skip: usize,
    /// The position of the last row of the previous page.
    pub after: Option<RunCursor>,
    /// Whether blockingError and statistics are read too.
    pub details: bool,
}

impl RunQuery {
    /// The first page of all runs of the scope.
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

/// A query for a page of flows.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowQuery {
    /// The tenant.
    pub tenant: TenantId,
    /// The filter; `None` matches all.
    pub filter: Option<FlowFilter>,
    /// The order.
    pub order: FlowOrder,
    /// The size of the page.
    pub size: PageSize,
    /// The number of matching rows to skip first.
    pub skip: usize,
    /// The position of the last row of the previous page.
    pub after: Option<FlowCursor>,
}

impl FlowQuery {
    /// The first page of all flows of a tenant.
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
