//! The queries of the dashboard: the port, and how each is carried out.
//!
//! Each walks an index in its order and ends at a LIMIT, so that it reads no more rows than its arguments allow. The settings
//! of the pool's sessions (`connect`) keep the planner from other plans. Documents stay in the database, but for the few values
//! that are asked for.
//!
//! The text of a query depends on few things, such as whether a page is the first one: each connection prepares it once, and keeps
//! the hundred texts that it used last. To parse and plan a long statement takes PostgreSQL more time than most of them need.

mod errors;
mod events;
pub(crate) mod explain;
mod members;
mod neighbours;
mod recent;
mod tally;
mod window;

use async_trait::async_trait;
use flowruns_domain::{
    dashboard::{
        DashboardStore, EarlierRuns, ErrorLine, FlowIds, Last, LastEvents, MemberPaths,
        MemberValues, Neighbours, RecentRuns, RunKeys, RunWindow, RunsPerFlow, Tally, TallyRequest,
        WindowRuns,
    },
    id::{FlowKey, RunId, RunKey, TenantId},
    query::{Page, RunPage, RunQuery},
    run::RunEvent,
    store::StoreError,
};

pub use self::explain::DashboardQuery;
use crate::{query::runs, store::PostgresStore};

/// A statement that is being built.
type Builder = sqlx::QueryBuilder<sqlx::Postgres>;

#[async_trait]
impl DashboardStore for PostgresStore {
    async fn recent_runs(
        &self,
        tenant: TenantId,
        flows: &FlowIds,
        each: RunsPerFlow,
    ) -> Result<Vec<RecentRuns>, StoreError> {
        self.read("read recent runs", || recent::read(self.pool(), tenant, flows, each)).await
    }

    async fn tallies(
        &self,
        tenant: TenantId,
        requests: &[TallyRequest],
    ) -> Result<Vec<Tally>, StoreError> {
        self.read("tally runs", || tally::read(self.pool(), tenant, requests)).await
    }

    async fn member_series(
        &self,
        flow: FlowKey,
        paths: &MemberPaths,
        last: Last,
    ) -> Result<Vec<MemberValues>, StoreError> {
        self.read("read statistics", || members::read(self.pool(), flow, paths, last)).await
    }

    async fn error_lines(&self, runs: &RunKeys) -> Result<Vec<ErrorLine>, StoreError> {
        self.read("read errors", || errors::read(self.pool(), runs)).await
    }

    async fn last_events(
        &self,
        run: RunKey,
        last: LastEvents,
    ) -> Result<Option<Page<RunEvent>>, StoreError> {
        self.read("read a history", || events::read(self.pool(), run, last)).await
    }

    async fn neighbours(
        &self,
        flow: FlowKey,
        run: Option<RunId>,
        earlier: EarlierRuns,
    ) -> Result<Neighbours, StoreError> {
        self.read("find neighbours", || neighbours::read(self.pool(), flow, run, earlier)).await
    }

    async fn filtered_runs(&self, query: &RunQuery) -> Result<RunPage, StoreError> {
        self.read("filter runs", || runs::query_known_runs(self.pool(), query)).await
    }

    async fn runs_in_window(
        &self,
        tenant: TenantId,
        window: &RunWindow,
    ) -> Result<Vec<WindowRuns>, StoreError> {
        self.read("read a window", || window::read(self.pool(), tenant, window)).await
    }
}
