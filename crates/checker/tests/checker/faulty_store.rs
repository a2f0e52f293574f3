//! A store that breaks a guarantee from time to time.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use flowruns_domain::{
    flow::Flow,
    id::{FlowId, FlowKey, RunId, RunKey, TenantId},
    idempotency::{ClaimOutcome, KeyClaim, StoredResponse},
    query::{Count, CountLimit, EventPageRequest, FlowPage, FlowQuery, Page, RunPage, RunQuery},
    rejection::Rejection,
    run::{Decision, Run, RunChange, RunEvent},
    store::{
        Created, DecideFlow, DecideRun, FlowDeleted, FlowStore, IdempotencyStore, NotReady,
        RunReport, RunStore, Store, StoreError, Updated,
    },
    timestamp::Timestamp,
};
use flowruns_testing::{
    MemoryStore,
    fixtures::{name, report},
};

use crate::decision::faulty_decision;

/// One in this many calls has the fault.
const EVERY: u64 = 9;

/// The fault of a store.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    /// Acknowledges, and then loses the commit.
    RespondsBeforeTheCommit,
    /// Writes what it decided on an older version, as if there had been no write since.
    SkipsTheGuard,
    /// Writes the row without its history entry.
    DropsAnEvent,
    /// Shows a state in a get that is rolled back.
    GetsTheUncommitted,
    /// Shows a state in a list that is rolled back.
    ListsTheUncommitted,
    /// Shows a write before it is committed.
    ReadsDirty,
    /// Shows an older state.
    ReadsStale,
    /// Reports on an ended run as if it were running.
    LeavesATerminalStatus,
    /// Rejects what only an older version would reject.
    RejectsOnAnOldState,
    /// Writes, and then reports a rejection.
    WritesWhatItRejects,
    /// Acknowledges a change with the version before it.
    RespondsWithAnOldVersion,
    /// Reports that nothing changed, and does not write the change.
    ForgetsAChange,
    /// Stamps an entry with a time before the last one.
    TurnsTimeBack,
    /// Leaves a run out of a page.
    SkipsARow,
}

pub(crate) struct FaultyStore {
    inner: MemoryStore,
    fault: Fault,
    turns: AtomicU64,
    /// The states that were written, oldest first.
    former: Mutex<HashMap<RunKey, Vec<Run>>>,
    dropped: Mutex<HashSet<(RunKey, i64)>>,
    pending: Mutex<HashMap<RunKey, Run>>,
}

impl FaultyStore {
    pub(crate) fn store(fault: Fault) -> Arc<dyn Store> {
        Arc::new(Self {
            inner: MemoryStore::default(),
            fault,
            turns: AtomicU64::new(0),
            former: Mutex::default(),
            dropped: Mutex::default(),
            pending: Mutex::default(),
        })
    }

    /// Whether the store has this fault in this call.
    fn is_active(&self, fault: Fault) -> bool {
        self.fault == fault && self.turns.fetch_add(1, Ordering::Relaxed) % EVERY == EVERY - 1
    }

    /// The state before the present one.
    fn older(&self, key: RunKey) -> Option<Run> {
        let former = self.former.lock().unwrap();
        let states = former.get(&key)?;
        states.len().checked_sub(2).map(|index| states[index].clone())
    }

    /// The update of the inner store, with another decision.
    async fn write(
        &self,
        key: RunKey,
        decide: impl Fn(&Run) -> Result<Decision, Rejection> + Send + Sync + 'static,
    ) -> Result<Option<Updated<Run>>, StoreError> {
        let updated = self.inner.update_run(key, report(decide)).await?;
        if let Some(Updated::Changed(run)) = &updated {
            self.remember(run);
        }
        Ok(updated)
    }

    fn remember(&self, run: &Run) {
        let mut former = self.former.lock().unwrap();
        former.entry(run.key).or_default().push(run.clone());
    }

    /// The effect of a report, without writing it.
    async fn decided(
        &self,
        key: RunKey,
        decide: &DecideRun,
    ) -> Result<Option<Decided>, StoreError> {
        let run = self.inner.find_run(key).await?;
        Ok(run.map(|run| (decide(&run), run)))
    }

    /// The response to a report that is never written.
    async fn unwritten(
        &self,
        key: RunKey,
        decide: &DecideRun,
    ) -> Result<Option<Updated<Run>>, StoreError> {
        let decided = self.decided(key, decide).await?;
        Ok(decided.map(|(decision, run)| match decision {
            Ok(Decision::Changed(change)) if self.fault == Fault::RespondsBeforeTheCommit => {
                Updated::Changed(change.run)
            }
            Ok(_) => Updated::Unchanged(run),
            Err(rejected) => Updated::Rejected(rejected),
        }))
    }

    /// Lets reads see what is not written yet.
    async fn show_pending(&self, key: RunKey, decide: &DecideRun) -> Result<(), StoreError> {
        if let Some((Ok(Decision::Changed(change)), _)) = self.decided(key, decide).await? {
            self.pending.lock().unwrap().insert(key, change.run);
        }
        tokio::task::yield_now().await;
        Ok(())
    }

    async fn faulty_update(
        &self,
        key: RunKey,
        decide: DecideRun,
    ) -> Result<Option<Updated<Run>>, StoreError> {
        let (fault, older) = (self.fault, self.older(key));
        match fault {
            Fault::RespondsBeforeTheCommit | Fault::ForgetsAChange => {
                return self.unwritten(key, &decide).await;
            }
            Fault::RejectsOnAnOldState => {
                if let Some(rejected) = older.as_ref().and_then(|older| decide(older).err()) {
                    return Ok(Some(Updated::Rejected(rejected)));
                }
            }
            Fault::ReadsDirty => self.show_pending(key, &decide).await?,
            _ => {}
        }
        let stale = older.clone();
        let decide = move |run: &Run| faulty_decision(fault, run, stale.as_ref(), &decide);
        let updated = self.write(key, decide).await;
        self.pending.lock().unwrap().remove(&key);
        Ok(updated?.map(|updated| match (fault, updated) {
            (Fault::WritesWhatItRejects, Updated::Changed(_)) => {
                Updated::Rejected(Rejection::PreconditionFailed)
            }
            (Fault::RespondsWithAnOldVersion, Updated::Changed(run)) => {
                Updated::Changed(older.unwrap_or(run))
            }
            (Fault::DropsAnEvent, Updated::Changed(run)) => {
                let entry = (key, run.version.number());
                self.dropped.lock().unwrap().insert(entry);
                Updated::Changed(run)
            }
            (_, updated) => updated,
        }))
    }
}

type Decided = (Result<Decision, Rejection>, Run);

#[async_trait]
impl RunStore for FaultyStore {
    async fn find_run(&self, key: RunKey) -> Result<Option<Run>, StoreError> {
        let mut run = self.inner.find_run(key).await?;
        if self.is_active(Fault::ReadsStale) {
            return Ok(self.older(key).or(run));
        }
        if let Some(run) = &mut run
            && self.is_active(Fault::GetsTheUncommitted)
        {
            run.version = run.version.next();
            run.properties.display_name = name("Rolled back");
        }
        let pending = self.pending.lock().unwrap().get(&key).cloned();
        Ok(pending.or(run))
    }

    async fn run_exists(&self, key: RunKey) -> Result<bool, StoreError> {
        self.inner.run_exists(key).await
    }

    async fn find_run_keys(
        &self,
        tenant: TenantId,
        run: RunId,
        limit: u16,
    ) -> Result<Vec<RunKey>, StoreError> {
        self.inner.find_run_keys(tenant, run, limit).await
    }

    async fn create_run(&self, creation: RunChange) -> Result<Created, StoreError> {
        self.remember(&creation.run);
        self.inner.create_run(creation).await
    }

    async fn update_run(
        &self,
        key: RunKey,
        report: RunReport,
    ) -> Result<Option<Updated<Run>>, StoreError> {
        if self.fault == Fault::ReadsDirty || self.is_active(self.fault) {
            return self.faulty_update(key, report.decide).await;
        }
        self.write(key, move |run| (report.decide)(run)).await
    }

    async fn query_runs(&self, query: &RunQuery) -> Result<Option<RunPage>, StoreError> {
        let mut found = self.inner.query_runs(query).await?;
        if let Some(page) = &mut found {
            if self.is_active(Fault::SkipsARow) {
                page.items.drain(..page.items.len().min(1));
            }
            if self.is_active(Fault::ListsTheUncommitted)
                && let Some(row) = page.items.last_mut()
            {
                row.summary.display_name = name("Rolled back");
            }
        }
        Ok(found)
    }

    async fn count_runs(
        &self,
        query: &RunQuery,
        limit: CountLimit,
    ) -> Result<Option<Count>, StoreError> {
        self.inner.count_runs(query, limit).await
    }

    async fn list_run_events(
        &self,
        key: RunKey,
        page: EventPageRequest,
    ) -> Result<Option<Page<RunEvent>>, StoreError> {
        let mut listed = self.inner.list_run_events(key, page).await?;
        if let Some(page) = &mut listed {
            let dropped = self.dropped.lock().unwrap();
            page.items.retain(|event| !dropped.contains(&(key, event.version.number())));
        }
        Ok(listed)
    }
}

// The queries of the dashboard have no fault.
flowruns_testing::delegate_dashboard_queries!(FaultyStore, |store, _query| store.inner);

#[async_trait]
impl FlowStore for FaultyStore {
    async fn find_flow(&self, key: FlowKey) -> Result<Option<Flow>, StoreError> {
        self.inner.find_flow(key).await
    }

    async fn create_flow(&self, flow: Flow) -> Result<(), StoreError> {
        self.inner.create_flow(flow).await
    }

    async fn update_flow(
        &self,
        key: FlowKey,
        decide: DecideFlow,
    ) -> Result<Option<Updated<Flow>>, StoreError> {
        self.inner.update_flow(key, decide).await
    }

    async fn delete_flow(
        &self,
        key: FlowKey,
        decide: DecideFlow,
    ) -> Result<Option<FlowDeleted>, StoreError> {
        self.inner.delete_flow(key, decide).await
    }

    async fn query_flows(&self, query: &FlowQuery) -> Result<FlowPage, StoreError> {
        self.inner.query_flows(query).await
    }

    async fn count_flows(&self, query: &FlowQuery, limit: CountLimit) -> Result<Count, StoreError> {
        self.inner.count_flows(query, limit).await
    }

    async fn find_flows(&self, tenant: TenantId, ids: &[FlowId]) -> Result<Vec<Flow>, StoreError> {
        self.inner.find_flows(tenant, ids).await
    }
}

#[async_trait]
impl IdempotencyStore for FaultyStore {
    async fn claim_key(&self, claim: KeyClaim) -> Result<ClaimOutcome, StoreError> {
        self.inner.claim_key(claim).await
    }

    async fn store_response(
        &self,
        claim: KeyClaim,
        response: StoredResponse,
    ) -> Result<(), StoreError> {
        self.inner.store_response(claim, response).await
    }

    async fn release_key(&self, claim: KeyClaim) -> Result<(), StoreError> {
        self.inner.release_key(claim).await
    }

    async fn delete_keys(&self, before: Timestamp, most: u16) -> Result<u64, StoreError> {
        self.inner.delete_keys(before, most).await
    }
}

#[async_trait]
impl Store for FaultyStore {
    async fn check(&self) -> Result<(), NotReady> {
        self.inner.check().await
    }
}
