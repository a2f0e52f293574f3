//! The queries of the dashboard: a port with bounds in the types of its arguments, and its results.
//!
//! Its pages are also made of [`query_runs`](crate::store::RunStore::query_runs) with [`NEWEST_FIRST`],
//! [`query_flows`](crate::store::FlowStore::query_flows), [`find_run`](crate::store::RunStore::find_run) and
//! [`find_run_keys`](crate::store::RunStore::find_run_keys), which finds a run by its id alone. What the results mean for a
//! flow, such as that it is late, is decided in [`cadence`](crate::cadence).
//!
//! | for | query |
//! |---|---|
//! | strips, durations, late and stale flows | [`recent_runs`](DashboardStore::recent_runs) |
//! | how many runs are in progress, or failed since yesterday | [`tallies`](DashboardStore::tallies) |
//! | charts of durations and statistics, what is unusual | [`member_series`](DashboardStore::member_series) |
//! | a list of failed runs | [`error_lines`](DashboardStore::error_lines) |
//! | the history of a run, newest first | [`last_events`](DashboardStore::last_events) |
//! | the runs before with their statistics, the run after, the last good run | [`neighbours`](DashboardStore::neighbours) |
//! | the runs of a flow with a filter | [`filtered_runs`](DashboardStore::filtered_runs) |
//! | the timeline | [`runs_in_window`](DashboardStore::runs_in_window) |

mod bounds;
mod error_line;
mod events;
mod member;
mod neighbours;
mod recent;
mod tally;
mod window;

use async_trait::async_trait;

pub use self::{
    bounds::{EventCount, FlowIds, Last, RunKeys, RunsPerFlow},
    error_line::ErrorLine,
    events::LastEvents,
    member::{InvalidMemberPath, MemberPath, MemberPaths, MemberValues},
    neighbours::{EarlierRun, EarlierRuns, Neighbours},
    recent::{NEWEST_FIRST, RecentRun, RecentRuns},
    tally::{FlowTally, Tally, TallyRequest},
    window::{FoundRuns, MissingReason, MissingRuns, RunSpan, RunWindow, WindowRuns},
};
use crate::{
    id::{FlowKey, RunId, RunKey, TenantId},
    query::{page::Page, request::RunQuery, result::RunPage},
    run::event::RunEvent,
    store::error::StoreError,
};

/// The queries of the dashboard. A store reads a bounded number of rows for each, along an index, and neither locks nor writes.
/// Deleted runs and the rows of other tenants never appear.
#[async_trait]
pub trait DashboardStore: Send + Sync + 'static {
    /// The newest runs of some flows, in the order of [`NEWEST_FIRST`]: one entry for each id, in the order of the ids. It is empty
    /// if the flow does not exist or has no runs.
    ///
    /// Reads at most `flows × each` rows without documents, 10,000 at most.
    async fn recent_runs(
        &self,
        tenant: TenantId,
        flows: &FlowIds,
        each: RunsPerFlow,
    ) -> Result<Vec<RecentRuns>, StoreError>;

    /// How many runs of a tenant have a status and started at this time or later, and in which flows: a tally for each request, in
    /// their order.
    ///
    /// Reads at most [`Tally::LIMIT`] + 1 rows for each request, the newest runs first.
    async fn tallies(
        &self,
        tenant: TenantId,
        requests: &[TallyRequest],
    ) -> Result<Vec<Tally>, StoreError>;

    /// The newest runs of a flow with the numbers at these paths of their statistics, in the order of [`NEWEST_FIRST`]. Empty if the
    /// flow does not exist.
    ///
    /// Reads at most 200 runs, and returns at most six numbers of each.
    async fn member_series(
        &self,
        flow: FlowKey,
        paths: &MemberPaths,
        last: Last,
    ) -> Result<Vec<MemberValues>, StoreError>;

    /// The beginnings of the blocking errors of some runs, in the order of their keys. A run that does not exist, or has no
    /// blocking error, has no entry.
    ///
    /// Reads at most 100 runs, and returns at most 400 characters of each.
    async fn error_lines(&self, runs: &RunKeys) -> Result<Vec<ErrorLine>, StoreError>;

    /// The newest entries of the history of a run, newest first; `None` if the run does not exist.
    ///
    /// Reads at most 51 entries. The page has as many of them as its [`PageSize`](crate::query::PageSize::MAX_BYTES) allows, but at
    /// least one.
    async fn last_events(
        &self,
        run: RunKey,
        last: LastEvents,
    ) -> Result<Option<Page<RunEvent>>, StoreError>;

    /// The runs of the same flow that a run is compared with. None if the run does not exist. Without a run, `before` has the newest
    /// runs of the flow, and `success` is the last of its runs that succeeded.
    ///
    /// Reads at most twice as many rows as `earlier` allows, and six more.
    async fn neighbours(
        &self,
        flow: FlowKey,
        run: Option<RunId>,
        earlier: EarlierRuns,
    ) -> Result<Neighbours, StoreError>;

    /// A page of a query of runs without documents, as [`query_runs`](crate::store::RunStore::query_runs) reads it, for a caller that
    /// knows whether the flow exists. The page is empty if it does not.
    async fn filtered_runs(&self, query: &RunQuery) -> Result<RunPage, StoreError>;

    /// The runs of some flows that started before the end of a window, and ended at its beginning or later or are in progress: one
    /// entry for each flow of the window, in their order.
    ///
    /// Reads at most 703 rows without documents of each flow: [`RunWindow::MAX_RUNS`] that started in the window, the latest of them,
    /// as many that ended in it, and twice [`RunWindow::MAX_EARLIER`] that started before it. A run that started before the window
    /// and ended after it is found if it is one of the last [`RunWindow::MAX_EARLIER`] that started before it. If other runs are
    /// missing, the entry has [`missing`](WindowRuns::missing).
    async fn runs_in_window(
        &self,
        tenant: TenantId,
        window: &RunWindow,
    ) -> Result<Vec<WindowRuns>, StoreError>;
}
