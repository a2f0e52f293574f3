//! Queries of runs and flows: filter, order, pages and counts. Lists use keyset pagination: a page begins after the last row of
//! the page before, so that rows that are added or deleted meanwhile make no page skip or repeat a row.

pub(crate) mod comparison;
pub(crate) mod count;
pub(crate) mod display;
pub(crate) mod filter;
pub(crate) mod implication;
pub(crate) mod order;
pub(crate) mod page;
pub(crate) mod request;
pub(crate) mod result;
pub(crate) mod supported;

pub use self::{
    comparison::{Comparison, EnumComparison, Operator, TextComparison},
    count::{Count, CountLimit},
    filter::{Filter, FlowFilter, FlowPredicate, RunFilter, RunPredicate},
    order::{Direction, FlowCursor, FlowOrder, FlowSort, RunCursor, RunOrder, RunSort, SortKey},
    page::{EventPageRequest, Page, PageRequest, PageSize, event_bytes},
    request::{FlowQuery, RunQuery, RunScope, SCAN_LIMIT},
    result::{Continuation, FlowPage, ListedRun, QueryPage, RunDetails, RunPage},
    supported::{MAX_LISTED_VALUES, UnsupportedQuery, check_supported},
};
