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
//! | how many runs are in progress, or failed since yesterday | [`tally`](DashboardStore::tally) |
//! | charts of durations and statistics, what is unusual | [`member_series`](DashboardStore::member_series) |
//! | a list of failed runs | [`error_lines`](DashboardStore::error_lines) |
//! | the history of a run, newest first | [`last_events`](DashboardStore::last_events) |
//! | the run before, the run after, the last good run | [`neighbours`](DashboardStore::neighbours) |

mod bounds;
mod error_line;
mod events;
mod member;
mod recent;
mod tally;

use async_trait::async_trait;

pub use self::{
    bounds::{EventCount, FlowIds, Last, RunKeys, RunsPerFlow},
    error_line::ErrorLine,
    events::LastEvents,
    member::{InvalidMemberPath, MemberPath, MemberPaths, MemberValues},
    recent::{NEWEST_FIRST, Neighbours, RecentRun, RecentRuns},
    tally::{FlowTally, Tally},
};
use crate::{
    id::{FlowKey, RunKey, TenantId},
    query::page::Page,
    run::{event::RunEvent, status::RunStatus},
    store::error::StoreError,
    timestamp::Timestamp,
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

    /// How many runs of a tenant have a status and started at this time or later, and in which flows.
    ///
    /// Reads at most [`Tally::LIMIT`] + 1 rows, the newest runs first.
    async fn tally(
        &self,
        tenant: TenantId,
        status: RunStatus,
        since: Option<Timestamp>,
    ) -> Result<Tally, StoreError>;

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

    /// The runs of the same flow that a run is compared with. All are `None` if the run does not exist.
    ///
    /// Reads at most five rows without documents.
    async fn neighbours(&self, run: RunKey) -> Result<Neighbours, StoreError>;
}
