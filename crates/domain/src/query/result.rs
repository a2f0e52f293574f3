//! Pages of a query.

use crate::{
    flow::entity::Flow,
    query::{
        order::{FlowCursor, RunCursor},
        page::PageSize,
        request::RunQuery,
    },
    run::{entity::RunSummary, public_error::PublicError, statistics::Statistics},
};

/// The documents of a run, which are read only for queries with `details`.
#[derive(Clone, Debug, PartialEq)]
pub struct RunDetails {
    /// The critical failure, if there was one.
    pub blocking_error: Option<PublicError>,
    /// The statistics.
    pub statistics: Statistics,
}

/// A run in a list.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedRun {
    /// The other properties.
    pub summary: RunSummary,
    /// The documents, if the query has `details`.
    pub details: Option<RunDetails>,
}

/// A page of the rows that match a query.
#[derive(Clone, Debug, PartialEq)]
pub struct QueryPage<T, C> {
    /// The rows. They may be fewer than asked for although more rows match.
    pub items: Vec<T>,
    /// Where the next page begins; `None` on the last page.
    pub next: Option<Continuation<C>>,
}

/// Where the next page begins.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Continuation<C> {
    /// The position of the last row of this page.
    pub after: C,
    /// The number of matching rows that the next page skips first.
    pub skip: usize,
}

impl<T, C> QueryPage<T, C> {
    /// Builds a page from the first matching rows, up to `skip + size + 1`; an extra row means that there is a next page. `end` is the
    /// position where the store stopped examining rows, if it did not examine all.
    pub fn from_matches(
        mut matching: Vec<T>,
        (skip, size): (usize, PageSize),
        end: Option<C>,
        cursor: impl Fn(&T) -> C,
    ) -> Self {
        let skipped = skip.min(matching.len());
        let mut items = matching.split_off(skipped);
        let has_extra_row = items.len() > size.rows();
        items.truncate(size.rows());
        let after = match (has_extra_row, items.last()) {
            (true, last) => last.map(cursor),
            (false, _) => end.filter(|_| size.rows() > 0),
        };
        let next = after.map(|after| Continuation { after, skip: skip - skipped });
        Self { items, next }
    }

    /// Removes the rows that exceed the maximum of bytes. The next page begins after the last row that is kept.
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
            self.next = after.map(|after| Continuation { after, skip: 0 });
        }
        self
    }
}

impl ListedRun {
    /// The approximate size in a page, in bytes.
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
pub type RunPage = QueryPage<ListedRun, RunCursor>;
/// A page of flows.
pub type FlowPage = QueryPage<Flow, FlowCursor>;

impl RunQuery {
    /// Removes the rows of a page that exceed the maximum of bytes. A store limits the documents that it reads; this limits rows
    /// without documents too.
    pub fn bounded(&self, found: RunPage) -> RunPage {
        let cursor = |run: &ListedRun| self.order.cursor(&run.summary);
        found.bounded(self.size, ListedRun::bytes, cursor)
    }
}
