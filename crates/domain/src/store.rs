//! The ports: what the domain asks of a store. `flowruns-testing` holds the suite that every store must pass.

use std::{error, fmt, sync::Arc};

use async_trait::async_trait;
use thiserror::Error;

use crate::{
    event::RunEvent,
    flow::Flow,
    id::{FlowId, FlowKey, RunId, RunKey, TenantId},
    idempotency::{Claimed, KeptAnswer, KeyClaim},
    patch::RunPatch,
    query::{
        Count, CountLimit, EventPageRequest, FlowQuery, FoundFlows, FoundRuns, Page, RunQuery,
    },
    rejection::PatchRejected,
    run::{Change, Decision, Run},
    status::Urgency,
    timestamp::Timestamp,
};

/// Decides a report on the run as it is stored. It owns all it needs, so that a store may run it in a task of its own, and again.
pub type DecideRun = Arc<dyn Fn(&Run) -> Result<Decision, PatchRejected> + Send + Sync>;

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

/// Decides a change of a flow: the flow as it shall be, with its next version, or `None` when nothing changes.
pub type DecideFlow = Arc<dyn Fn(&Flow) -> Result<Option<Flow>, PatchRejected> + Send + Sync>;

/// What an update came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Updated<T> {
    /// Written, committed and flushed.
    Changed(T),
    /// Nothing was written.
    Unchanged(T),
    /// Refused; nothing was written.
    Refused(PatchRejected),
}

/// What a creation came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Created {
    /// Written, committed and flushed.
    New(Run),
    /// A run of that id is there, with the first entry of its history unless retention took it.
    Exists(Run, Option<RunEvent>),
    /// A run of that id was deleted; its id stays taken.
    Deleted,
    /// There is no such flow.
    FlowAbsent,
}

/// What the deletion of a flow came to.
#[derive(Clone, Debug, PartialEq)]
pub enum FlowDeleted {
    /// Gone.
    Done,
    /// It still has runs.
    HasRuns,
    /// Refused; nothing was deleted.
    Refused(PatchRejected),
}

/// Keeps runs and their history. Absence is `None`; a deleted run is absent.
#[async_trait]
pub trait RunStore: Send + Sync + 'static {
    /// The run.
    async fn find_run(&self, key: RunKey) -> Result<Option<Run>, StoreError>;

    /// Whether there is such a run, without reading it.
    async fn run_exists(&self, key: RunKey) -> Result<bool, StoreError>;

    /// The keys of a tenant's runs that have this id, one a flow, by flow id; at most `limit` of them.
    async fn find_run_keys(
        &self,
        tenant: TenantId,
        run: RunId,
        limit: u16,
    ) -> Result<Vec<RunKey>, StoreError>;

    /// Stores a new run and the first entry of its history, atomically.
    async fn create_run(&self, creation: Change) -> Result<Created, StoreError>;

    /// The unit of work: reads the run, asks the report to decide, and writes the run and its history entry,
    /// atomically and guarded by the version that was read. Retries lost races, and no update starves. A change
    /// whose event is [`Action::Deleted`](crate::Action::Deleted) hides the run.
    async fn update_run(
        &self,
        key: RunKey,
        report: RunReport,
    ) -> Result<Option<Updated<Run>>, StoreError>;

    /// A page of an [`offered`](crate::offered) query; `None` when there is no such flow. It looks at a bounded number
    /// of rows, so a page may be short although more follow; and it reads documents only as far as they fit into the
    /// [`PageSize`](crate::PageSize), the first row in any case.
    async fn query_runs(&self, query: &RunQuery) -> Result<Option<FoundRuns>, StoreError>;

    /// How many runs match the scope and filter of an [`offered`](crate::offered) query, unless more rows than the limit
    /// would have to be looked at; `None` when there is no such flow.
    async fn count_runs(
        &self,
        query: &RunQuery,
        limit: CountLimit,
    ) -> Result<Option<Count>, StoreError>;

    /// The history of a run, oldest first: entries as far as they fit into the [`PageSize`](crate::PageSize), the first
    /// in any case.
    async fn list_run_events(
        &self,
        key: RunKey,
        page: EventPageRequest,
    ) -> Result<Option<Page<RunEvent>>, StoreError>;
}

/// Keeps flows.
#[async_trait]
pub trait FlowStore: Send + Sync + 'static {
    /// The flow.
    async fn find_flow(&self, key: FlowKey) -> Result<Option<Flow>, StoreError>;

    /// Stores a new flow.
    async fn create_flow(&self, flow: Flow) -> Result<(), StoreError>;

    /// Reads the flow, asks `decide`, and writes, guarded by the version that was read.
    async fn update_flow(
        &self,
        key: FlowKey,
        decide: DecideFlow,
    ) -> Result<Option<Updated<Flow>>, StoreError>;

    /// Deletes a flow that `decide` does not refuse and that has no runs; `None` when there is no such flow.
    async fn delete_flow(
        &self,
        key: FlowKey,
        decide: DecideFlow,
    ) -> Result<Option<FlowDeleted>, StoreError>;

    /// A page of a query. It looks at a bounded number of rows, so a page may be short although more follow.
    async fn query_flows(&self, query: &FlowQuery) -> Result<FoundFlows, StoreError>;

    /// How many flows match the filter of a query, unless more rows than the limit would have to be looked at.
    async fn count_flows(&self, query: &FlowQuery, limit: CountLimit) -> Result<Count, StoreError>;

    /// Those of these flows that are there, in any order.
    async fn find_flows(&self, tenant: TenantId, ids: &[FlowId]) -> Result<Vec<Flow>, StoreError>;
}

/// Keeps idempotency keys and their answers.
#[async_trait]
pub trait IdempotencyStore: Send + Sync + 'static {
    /// Holds a key that is new, or does as [`StoredKey::decide`](crate::StoredKey::decide) says, atomically: of many
    /// claims at once one is granted.
    async fn claim_key(&self, claim: KeyClaim) -> Result<Claimed, StoreError>;

    /// Keeps the answer of the attempt of this claim, unless another has taken over.
    async fn keep_answer(&self, claim: KeyClaim, answer: KeptAnswer) -> Result<(), StoreError>;

    /// Lets the next attempt go on at once, unless another has taken over.
    async fn release_key(&self, claim: KeyClaim) -> Result<(), StoreError>;

    /// Deletes keys whose first attempt came before this moment, the oldest first, at most so many; how many it were.
    async fn forget_keys(&self, before: Timestamp, most: u16) -> Result<u64, StoreError>;
}

/// All that the services need.
#[async_trait]
pub trait Store: RunStore + FlowStore + IdempotencyStore {
    /// Whether the store can serve now, for readiness.
    async fn check(&self) -> Result<(), NotReady>;
}

/// What kind of failure a store had.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum StoreErrorKind {
    /// It cannot be reached, or does not take writes now. Try again later.
    Unavailable,
    /// Too many writers at once. Try again later.
    Contention,
    /// Too much waits to be written already; this was not begun. Try again later.
    Overloaded,
    /// A constraint, by its name, that no rule foresaw.
    Conflict(String),
    /// A row that cannot be.
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The key of the row.
        id: String,
    },
    /// A defect.
    Internal,
}

/// A failure of a store. The source holds its cause and is for the log only.
#[derive(Debug)]
pub struct StoreError {
    /// What kind of failure.
    pub kind: StoreErrorKind,
    /// The cause.
    pub source: Option<Box<dyn error::Error + Send + Sync>>,
}

impl StoreError {
    /// A failure with its cause.
    pub fn new(
        kind: StoreErrorKind,
        source: impl Into<Box<dyn error::Error + Send + Sync>>,
    ) -> Self {
        Self {
            kind,
            source: Some(source.into()),
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            StoreErrorKind::Unavailable => f.write_str("the store is unavailable"),
            StoreErrorKind::Contention => f.write_str("too many writers contend for the row"),
            StoreErrorKind::Overloaded => f.write_str("too much waits to be written"),
            StoreErrorKind::Conflict(constraint) => write!(f, "constraint {constraint} was broken"),
            StoreErrorKind::Corrupt { table, column, id } => {
                write!(f, "{table}.{column} of {id} cannot be")
            }
            StoreErrorKind::Internal => f.write_str("the store failed"),
        }
    }
}

impl error::Error for StoreError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// Why a store cannot serve now, in words for operators.
#[derive(Debug, Error)]
pub enum NotReady {
    /// It cannot be asked.
    #[error("the database is away")]
    Unavailable(#[from] StoreError),
    /// It takes no writes.
    #[error("the database is a standby or read-only, and takes no writes")]
    Standby,
    /// Serving needs more sessions than the database grants.
    #[error(
        "no session of the database to {purpose}; raise max_connections or the role's CONNECTION LIMIT if all are taken"
    )]
    NoSession {
        /// What the session is for; completes "a session to …".
        purpose: &'static str,
        /// Why it cannot be opened.
        source: StoreError,
    },
    /// Its texts are in another encoding than UTF-8.
    #[error("{}", unsuitable_encoding(.0))]
    Encoding(String),
    /// Migrations are missing.
    #[error("migrations {} are pending", listed(.0))]
    Pending(Vec<i64>),
    /// Migrations have another text than the one that was applied.
    #[error("migrations {} were changed after they were applied", listed(.0))]
    Changed(Vec<i64>),
}

/// What is wrong with a database of this encoding, and what to do.
pub fn unsuitable_encoding(encoding: &str) -> String {
    format!(
        "the database has the encoding {encoding} and must have UTF8: create another one with CREATE DATABASE … \
        ENCODING 'UTF8' TEMPLATE template0, and move the data there"
    )
}

fn listed(versions: &[i64]) -> String {
    let versions: Vec<_> = versions.iter().map(ToString::to_string).collect();
    versions.join(", ")
}
