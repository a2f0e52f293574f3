//! The queries of the dashboard, without a fault.

use async_trait::async_trait;
use flowruns_domain::{
    dashboard::{
        DashboardStore, ErrorLine, FlowIds, Last, LastEvents, MemberPaths, MemberValues,
        Neighbours, RecentRuns, RunKeys, RunsPerFlow, Tally,
    },
    id::{FlowKey, RunKey, TenantId},
    query::Page,
    run::{RunEvent, RunStatus},
    store::StoreError,
    timestamp::Timestamp,
};

use super::FaultyStore;

#[async_trait]
impl DashboardStore for FaultyStore {
    async fn recent_runs(
        &self,
        tenant: TenantId,
        flows: &FlowIds,
        each: RunsPerFlow,
    ) -> Result<Vec<RecentRuns>, StoreError> {
        self.inner.recent_runs(tenant, flows, each).await
    }

    async fn tally(
        &self,
        tenant: TenantId,
        status: RunStatus,
        since: Option<Timestamp>,
    ) -> Result<Tally, StoreError> {
        self.inner.tally(tenant, status, since).await
    }

    async fn member_series(
        &self,
        flow: FlowKey,
        paths: &MemberPaths,
        last: Last,
    ) -> Result<Vec<MemberValues>, StoreError> {
        self.inner.member_series(flow, paths, last).await
    }

    async fn error_lines(&self, runs: &RunKeys) -> Result<Vec<ErrorLine>, StoreError> {
        self.inner.error_lines(runs).await
    }

    async fn last_events(
        &self,
        run: RunKey,
        last: LastEvents,
    ) -> Result<Option<Page<RunEvent>>, StoreError> {
        self.inner.last_events(run, last).await
    }

    async fn neighbours(&self, run: RunKey) -> Result<Neighbours, StoreError> {
        self.inner.neighbours(run).await
    }
}
