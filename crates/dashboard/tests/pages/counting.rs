//! A store that counts the statements of a page: the calls of its ports.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use flowruns_domain::{
    dashboard::{
        DashboardStore, ErrorLine, FlowIds, Last, LastEvents, MemberPaths, MemberValues,
        Neighbours, RecentRuns, RunKeys, RunsPerFlow, Tally,
    },
    flow::Flow,
    id::{FlowId, FlowKey, RunId, RunKey, TenantId},
    idempotency::{ClaimOutcome, KeyClaim, StoredResponse},
    query::{Count, CountLimit, EventPageRequest, FlowPage, FlowQuery, Page, RunPage, RunQuery},
    run::{Run, RunChange, RunEvent, RunStatus},
    store::{
        Created, DecideFlow, FlowDeleted, FlowStore, IdempotencyStore, NotReady, RunReport,
        RunStore, Store, StoreError, Updated,
    },
    timestamp::Timestamp,
};
use flowruns_http::Limits;
use flowruns_testing::MemoryStore;

use crate::harness::Site;

/// A store in memory that counts.
#[derive(Default)]
pub(crate) struct CountingStore {
    rows: Arc<MemoryStore>,
    statements: AtomicUsize,
}

impl CountingStore {
    /// Pages on a store that counts.
    pub(crate) fn site() -> (Arc<Self>, Site) {
        let store = Arc::new(Self::default());
        let site = Site::on(Arc::clone(&store.rows), Arc::clone(&store) as _, Limits::default());
        (store, site)
    }

    /// The statements since this was called last.
    pub(crate) fn take(&self) -> usize {
        self.statements.swap(0, Ordering::Relaxed)
    }

    fn rows(&self) -> &MemoryStore {
        self.statements.fetch_add(1, Ordering::Relaxed);
        &self.rows
    }
}

#[async_trait]
impl DashboardStore for CountingStore {
    async fn recent_runs(
        &self,
        tenant: TenantId,
        flows: &FlowIds,
        each: RunsPerFlow,
    ) -> Result<Vec<RecentRuns>, StoreError> {
        self.rows().recent_runs(tenant, flows, each).await
    }

    async fn tally(
        &self,
        tenant: TenantId,
        status: RunStatus,
        since: Option<Timestamp>,
    ) -> Result<Tally, StoreError> {
        self.rows().tally(tenant, status, since).await
    }

    async fn member_series(
        &self,
        flow: FlowKey,
        paths: &MemberPaths,
        last: Last,
    ) -> Result<Vec<MemberValues>, StoreError> {
        self.rows().member_series(flow, paths, last).await
    }

    async fn error_lines(&self, runs: &RunKeys) -> Result<Vec<ErrorLine>, StoreError> {
        self.rows().error_lines(runs).await
    }

    async fn last_events(
        &self,
        run: RunKey,
        last: LastEvents,
    ) -> Result<Option<Page<RunEvent>>, StoreError> {
        self.rows().last_events(run, last).await
    }

    async fn neighbours(&self, run: RunKey) -> Result<Neighbours, StoreError> {
        self.rows().neighbours(run).await
    }
}

#[async_trait]
impl FlowStore for CountingStore {
    async fn find_flow(&self, key: FlowKey) -> Result<Option<Flow>, StoreError> {
        self.rows().find_flow(key).await
    }

    async fn create_flow(&self, flow: Flow) -> Result<(), StoreError> {
        self.rows().create_flow(flow).await
    }

    async fn update_flow(
        &self,
        key: FlowKey,
        decide: DecideFlow,
    ) -> Result<Option<Updated<Flow>>, StoreError> {
        self.rows().update_flow(key, decide).await
    }

    async fn delete_flow(
        &self,
        key: FlowKey,
        decide: DecideFlow,
    ) -> Result<Option<FlowDeleted>, StoreError> {
        self.rows().delete_flow(key, decide).await
    }

    async fn query_flows(&self, query: &FlowQuery) -> Result<FlowPage, StoreError> {
        self.rows().query_flows(query).await
    }

    async fn count_flows(&self, query: &FlowQuery, limit: CountLimit) -> Result<Count, StoreError> {
        self.rows().count_flows(query, limit).await
    }

    async fn find_flows(&self, tenant: TenantId, ids: &[FlowId]) -> Result<Vec<Flow>, StoreError> {
        self.rows().find_flows(tenant, ids).await
    }
}

#[async_trait]
impl RunStore for CountingStore {
    async fn find_run(&self, key: RunKey) -> Result<Option<Run>, StoreError> {
        self.rows().find_run(key).await
    }

    async fn run_exists(&self, key: RunKey) -> Result<bool, StoreError> {
        self.rows().run_exists(key).await
    }

    async fn find_run_keys(
        &self,
        tenant: TenantId,
        run: RunId,
        limit: u16,
    ) -> Result<Vec<RunKey>, StoreError> {
        self.rows().find_run_keys(tenant, run, limit).await
    }

    async fn create_run(&self, creation: RunChange) -> Result<Created, StoreError> {
        self.rows().create_run(creation).await
    }

    async fn update_run(
        &self,
        key: RunKey,
        report: RunReport,
    ) -> Result<Option<Updated<Run>>, StoreError> {
        self.rows().update_run(key, report).await
    }

    async fn query_runs(&self, query: &RunQuery) -> Result<Option<RunPage>, StoreError> {
        self.rows().query_runs(query).await
    }

    async fn count_runs(
        &self,
        query: &RunQuery,
        limit: CountLimit,
    ) -> Result<Option<Count>, StoreError> {
        self.rows().count_runs(query, limit).await
    }

    async fn list_run_events(
        &self,
        key: RunKey,
        page: EventPageRequest,
    ) -> Result<Option<Page<RunEvent>>, StoreError> {
        self.rows().list_run_events(key, page).await
    }
}

#[async_trait]
impl IdempotencyStore for CountingStore {
    async fn claim_key(&self, claim: KeyClaim) -> Result<ClaimOutcome, StoreError> {
        self.rows().claim_key(claim).await
    }

    async fn store_response(
        &self,
        claim: KeyClaim,
        response: StoredResponse,
    ) -> Result<(), StoreError> {
        self.rows().store_response(claim, response).await
    }

    async fn release_key(&self, claim: KeyClaim) -> Result<(), StoreError> {
        self.rows().release_key(claim).await
    }

    async fn delete_keys(&self, before: Timestamp, most: u16) -> Result<u64, StoreError> {
        self.rows().delete_keys(before, most).await
    }
}

#[async_trait]
impl Store for CountingStore {
    async fn check(&self) -> Result<(), NotReady> {
        self.rows().check().await
    }
}
