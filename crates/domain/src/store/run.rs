//! The port for runs.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    id::{RunId, RunKey, TenantId},
    query::{
        count::{Count, CountLimit},
        page::{EventPageRequest, Page},
        request::RunQuery,
        result::RunPage,
    },
    rejection::Rejection,
    run::{
        decision::{Decision, RunChange},
        entity::Run,
        event::RunEvent,
        patch::RunPatch,
        status::Urgency,
    },
    store::{
        error::StoreError,
        outcome::{Created, Updated},
    },
};

/// Decides a report on the stored run. It owns its data, so a store may call it in another task, and more than once.
pub type DecideRun = Arc<dyn Fn(&Run) -> Result<Decision, Rejection> + Send + Sync>;

/// A report on a run, as a store receives it.
#[derive(Clone)]
pub struct RunReport {
    /// Decides what the report does to the run.
    pub decide: DecideRun,
    /// What the report changes, which a store may measure to limit its queue. Empty for a deletion.
    pub patch: Arc<RunPatch>,
    /// How late the report is rejected when the queue of a store is full.
    pub urgency: Urgency,
}

/// Stores runs and their history. `None` means that a row does not exist or is deleted.
#[async_trait]
pub trait RunStore: Send + Sync + 'static {
    /// Reads a run.
    async fn find_run(&self, key: RunKey) -> Result<Option<Run>, StoreError>;

    /// Whether a run exists, without reading it.
    async fn run_exists(&self, key: RunKey) -> Result<bool, StoreError>;

    /// The keys of the runs with this id in all flows of a tenant, sorted by flow id, at most `limit`.
    async fn find_run_keys(
        &self,
        tenant: TenantId,
        run: RunId,
        limit: u16,
    ) -> Result<Vec<RunKey>, StoreError>;

    /// Stores a new run and the first entry of its history in one transaction.
    async fn create_run(&self, creation: RunChange) -> Result<Created, StoreError>;

    /// Reads the run, lets the report decide, and writes the run and its history entry in one transaction, if the run still has
    /// the version that was read. Otherwise it tries again, and no update is delayed forever. A change whose action is
    /// [`Action::Deleted`](crate::run::Action::Deleted) deletes the run.
    async fn update_run(
        &self,
        key: RunKey,
        report: RunReport,
    ) -> Result<Option<Updated<Run>>, StoreError>;

    /// A page of a [supported](crate::query::check_supported) query; `None` if the flow does not exist. It examines at most
    /// [`SCAN_LIMIT`](crate::query::SCAN_LIMIT) rows, so a page may be shorter than asked for although more rows match. It reads
    /// documents as long as the page stays within its [`PageSize`](crate::query::PageSize), but at least those of the first row.
    async fn query_runs(&self, query: &RunQuery) -> Result<Option<RunPage>, StoreError>;

    /// The number of runs that match the scope and filter of a [supported](crate::query::check_supported) query, unknown if more
    /// rows than the limit must be examined; `None` if the flow does not exist.
    async fn count_runs(
        &self,
        query: &RunQuery,
        limit: CountLimit,
    ) -> Result<Option<Count>, StoreError>;

    /// The history of a run, oldest first: as many entries as the [`PageSize`](crate::query::PageSize) allows, but at least one.
    async fn list_run_events(
        &self,
        key: RunKey,
        page: EventPageRequest,
    ) -> Result<Option<Page<RunEvent>>, StoreError>;
}
