//! A store in memory that notes its calls, and in which something may happen between two of them.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use flowruns_domain::{
    flow::Flow,
    id::{FlowId, FlowKey, RunId, RunKey, TenantId},
    idempotency::{ClaimOutcome, KeyClaim, StoredResponse},
    query::{Count, CountLimit, EventPageRequest, FlowPage, FlowQuery, Page, RunPage, RunQuery},
    run::{Run, RunChange, RunEvent},
    store::{
        Created, DecideFlow, FlowDeleted, FlowStore, IdempotencyStore, NotReady, RunReport,
        RunStore, Store, StoreError, StoreErrorKind, Updated,
    },
    timestamp::Timestamp,
};
use flowruns_testing::MemoryStore;

/// Notes the calls. The reports of others are applied before the next update.
pub(crate) struct RecordingStore {
    rows: Arc<MemoryStore>,
    calls: Mutex<Vec<&'static str>>,
    reports_of_others: Mutex<VecDeque<(RunKey, RunReport)>>,
    is_away: AtomicBool,
    /// Whether updates alone fail, after they were written.
    loses_responses: AtomicBool,
}

impl RecordingStore {
    pub(crate) fn new(rows: Arc<MemoryStore>) -> Self {
        Self {
            rows,
            calls: Mutex::default(),
            reports_of_others: Mutex::default(),
            is_away: AtomicBool::new(false),
            loses_responses: AtomicBool::new(false),
        }
    }

    /// The calls since the last time.
    pub(crate) fn take_calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.calls.lock().expect("no panic"))
    }

    /// Another client reports on a run before the next update.
    pub(crate) fn report_before_next_update(&self, run: RunKey, report: RunReport) {
        self.reports_of_others.lock().expect("no panic").push_back((run, report));
    }

    /// From here on every call fails.
    pub(crate) fn fail(&self) {
        self.is_away.store(true, Ordering::Relaxed);
    }

    /// From here on every update is written, and its response is lost.
    pub(crate) fn lose_responses(&self) {
        self.loses_responses.store(true, Ordering::Relaxed);
    }

    fn note(&self, call: &'static str) -> Result<&MemoryStore, StoreError> {
        self.calls.lock().expect("no panic").push(call);
        match self.is_away.load(Ordering::Relaxed) {
            true => Err(away()),
            false => Ok(&self.rows),
        }
    }
}

fn away() -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, "the database is away")
}

#[async_trait]
impl RunStore for RecordingStore {
    async fn find_run(&self, key: RunKey) -> Result<Option<Run>, StoreError> {
        self.note("find_run")?.find_run(key).await
    }

    async fn run_exists(&self, key: RunKey) -> Result<bool, StoreError> {
        self.note("run_exists")?.run_exists(key).await
    }

    async fn find_run_keys(
        &self,
        tenant: TenantId,
        run: RunId,
        limit: u16,
    ) -> Result<Vec<RunKey>, StoreError> {
        self.note("find_run_keys")?.find_run_keys(tenant, run, limit).await
    }

    async fn create_run(&self, creation: RunChange) -> Result<Created, StoreError> {
        self.note("create_run")?.create_run(creation).await
    }

    async fn update_run(
        &self,
        key: RunKey,
        report: RunReport,
    ) -> Result<Option<Updated<Run>>, StoreError> {
        let rows = self.note("update_run")?;
        let others = std::mem::take(&mut *self.reports_of_others.lock().expect("no panic"));
        for (other, report) in others {
            rows.update_run(other, report).await?;
        }
        let updated = rows.update_run(key, report).await;
        match self.loses_responses.load(Ordering::Relaxed) {
            true => Err(away()),
            false => updated,
        }
    }

    async fn query_runs(&self, query: &RunQuery) -> Result<Option<RunPage>, StoreError> {
        self.note("query_runs")?.query_runs(query).await
    }

    async fn count_runs(
        &self,
        query: &RunQuery,
        limit: CountLimit,
    ) -> Result<Option<Count>, StoreError> {
        self.note("count_runs")?.count_runs(query, limit).await
    }

    async fn list_run_events(
        &self,
        key: RunKey,
        page: EventPageRequest,
    ) -> Result<Option<Page<RunEvent>>, StoreError> {
        self.note("list_run_events")?.list_run_events(key, page).await
    }
}

#[async_trait]
impl FlowStore for RecordingStore {
    async fn find_flow(&self, key: FlowKey) -> Result<Option<Flow>, StoreError> {
        self.note("find_flow")?.find_flow(key).await
    }

    async fn create_flow(&self, flow: Flow) -> Result<(), StoreError> {
        self.note("create_flow")?.create_flow(flow).await
    }

    async fn update_flow(
        &self,
        key: FlowKey,
        decide: DecideFlow,
    ) -> Result<Option<Updated<Flow>>, StoreError> {
        self.note("update_flow")?.update_flow(key, decide).await
    }

    async fn delete_flow(
        &self,
        key: FlowKey,
        decide: DecideFlow,
    ) -> Result<Option<FlowDeleted>, StoreError> {
        self.note("delete_flow")?.delete_flow(key, decide).await
    }

    async fn query_flows(&self, query: &FlowQuery) -> Result<FlowPage, StoreError> {
        self.note("query_flows")?.query_flows(query).await
    }

    async fn count_flows(&self, query: &FlowQuery, limit: CountLimit) -> Result<Count, StoreError> {
        self.note("count_flows")?.count_flows(query, limit).await
    }

    async fn find_flows(&self, tenant: TenantId, ids: &[FlowId]) -> Result<Vec<Flow>, StoreError> {
        self.note("find_flows")?.find_flows(tenant, ids).await
    }
}

flowruns_testing::delegate_dashboard_queries!(RecordingStore, |store, query| store.note(query)?);

#[async_trait]
impl IdempotencyStore for RecordingStore {
    async fn claim_key(&self, claim: KeyClaim) -> Result<ClaimOutcome, StoreError> {
        self.note("claim_key")?.claim_key(claim).await
    }

    async fn store_response(
        &self,
        claim: KeyClaim,
        response: StoredResponse,
    ) -> Result<(), StoreError> {
        self.note("store_response")?.store_response(claim, response).await
    }

    async fn release_key(&self, claim: KeyClaim) -> Result<(), StoreError> {
        self.note("release_key")?.release_key(claim).await
    }

    async fn delete_keys(&self, before: Timestamp, most: u16) -> Result<u64, StoreError> {
        self.note("delete_keys")?.delete_keys(before, most).await
    }
}

#[async_trait]
impl Store for RecordingStore {
    async fn check(&self) -> Result<(), NotReady> {
        self.rows.check().await
    }
}
