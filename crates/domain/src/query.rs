//! Pages of lists: walked by key, so that rows that come or go make no page skip or repeat a row.

mod filter;
mod implication;
mod order;
mod page;
mod request;
mod shown;
mod supported;

pub use self::{
    filter::{
        Condition, EnumTest, FlowFilter, FlowTerm, Operator, RunFilter, RunTerm, Test, TextTest,
    },
    order::{Direction, FlowCursor, FlowOrder, FlowSort, RunCursor, RunOrder, RunSort, SortKey},
    page::{EventPageRequest, Page, PageRequest, PageSize, event_bytes},
    request::{
        Count, CountLimit, FlowQuery, Found, FoundFlows, FoundRuns, ListedRun, Next, RunDetails,
        RunQuery, RunScope, SCAN_LIMIT,
    },
    supported::{MAX_LISTED_VALUES, UnsupportedQuery, check_supported},
};
