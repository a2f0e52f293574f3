//! The store: the domain's ports on PostgreSQL.

use std::{error::Error, sync::Arc, time::Duration};

use async_trait::async_trait;
use flowruns_admission::Usage;
use flowruns_domain::{
    Change, Claimed, Count, CountLimit, Created, DecideFlow, EventPageRequest, Flow, FlowDeleted,
    FlowId, FlowKey, FlowQuery, FlowStore, FoundFlows, FoundRuns, IdempotencyStore, KeptAnswer,
    KeyClaim, NotReady, Page, Run, RunEvent, RunId, RunKey, RunQuery, RunReport, RunStore, Store,
    StoreError, TenantId, Timestamp, Updated,
};
use sqlx::PgPool;

use crate::{
    schema_status::{self, SchemaStatus, StoreLoad},
    connect::{ConnectOptions, Durability, durability},
    create, flows, history, idempotency,
    pool::Pool,
    query, retry, runs,
    writer::Writers,
};

/// Runs and flows in PostgreSQL. Clones share one pool and its writers.
#[derive(Clone)]
pub struct PostgresStore {
    pool: Pool,
    retry_for: Duration,
    writers: Arc<Writers>,
}

impl PostgresStore {
    /// Connects, and starts the writers in the present runtime. A writer without a session is warned of; it opens one
    /// as soon as it can, and until then [`check`](Store::check) fails.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be reached.
    pub async fn connect(options: &ConnectOptions) -> Result<Self, StoreError> {
        let pool = options.pool().await?;
        let writers = Writers::start(options, pool.connections());
        if let Err(not_ready) = writers.check_connections().await {
            let cause = not_ready.source().and_then(Error::source);
            let cause = cause.map(tracing::field::display);
            tracing::warn!(cause, "the store cannot write: {not_ready}");
        }
        Ok(Self {
            writers: Arc::new(writers),
            pool,
            retry_for: options.retry_for,
        })
    }

    /// The pool, for migrations' status and for tests.
    pub const fn pool(&self) -> &PgPool {
        self.pool.connections()
    }

    /// Whether the database keeps what it acknowledged.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be asked.
    pub async fn durability(&self) -> Result<Durability, StoreError> {
        durability(self.pool()).await
    }

    /// How much of the pool and of the writers' queue is taken now.
    pub fn load(&self) -> StoreLoad {
        let Usage {
            requests: queued_reports,
            bytes: queued_bytes,
        } = self.writers.usage();
        StoreLoad {
            connections: self.pool().size(),
            idle_connections: self.pool().num_idle(),
            queued_reports,
            queued_bytes,
        }
    }

    /// What operators should know of the database.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be asked.
    pub async fn schema_status(&self) -> Result<SchemaStatus, StoreError> {
        SchemaStatus::read(self.pool()).await
    }

    /// How many months of history are made beyond the one of `now`, without a gap; -1 when that one is missing too, and
    /// its rows go to the default partition.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be asked.
    pub async fn partitions_ahead(&self, now: Timestamp) -> Result<i32, StoreError> {
        schema_status::partitions_ahead(self.pool(), now).await
    }

    /// How the database carries out a query of runs and its count, one plan a statement, as EXPLAIN (ANALYZE, BUFFERS,
    /// FORMAT JSON) shows it. For tests and for operators.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be asked.
    pub async fn explain_runs(
        &self,
        query: &RunQuery,
        limit: CountLimit,
    ) -> Result<Vec<String>, StoreError> {
        query::explain_runs(self.pool(), query, limit).await
    }

    /// How PostgreSQL carries out the statements of a query and of its count, as [`explain_runs`](Self::explain_runs)
    /// shows it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be asked.
    pub async fn explain_flows(
        &self,
        query: &FlowQuery,
        limit: CountLimit,
    ) -> Result<Vec<String>, StoreError> {
        query::explain_flows(self.pool(), query, limit).await
    }

    /// Takes no more, writes what waits, and closes the connections.
    pub async fn close(&self) {
        self.writers.close().await;
        self.pool().close().await;
    }
}

#[async_trait]
impl RunStore for PostgresStore {
    async fn find_run(&self, key: RunKey) -> Result<Option<Run>, StoreError> {
        retry::read(self.retry_for, "find a run", || {
            runs::find(self.pool(), key)
        })
        .await
    }

    async fn run_exists(&self, key: RunKey) -> Result<bool, StoreError> {
        retry::read(self.retry_for, "look for a run", || {
            runs::exists(self.pool(), key)
        })
        .await
    }

    async fn find_run_keys(
        &self,
        tenant: TenantId,
        run: RunId,
        limit: u16,
    ) -> Result<Vec<RunKey>, StoreError> {
        retry::read(self.retry_for, "find runs by id", || {
            runs::find_keys(self.pool(), tenant, run, limit)
        })
        .await
    }

    async fn create_run(&self, creation: Change) -> Result<Created, StoreError> {
        create::create(self.pool(), &self.writers, self.retry_for, creation).await
    }

    async fn update_run(
        &self,
        key: RunKey,
        report: RunReport,
    ) -> Result<Option<Updated<Run>>, StoreError> {
        self.writers.update(key, report).await
    }

    async fn query_runs(&self, query: &RunQuery) -> Result<Option<FoundRuns>, StoreError> {
        let unit = "query runs";
        retry::read(self.retry_for, unit, || {
            query::query_runs(self.pool(), query)
        })
        .await
    }

    async fn count_runs(
        &self,
        query: &RunQuery,
        limit: CountLimit,
    ) -> Result<Option<Count>, StoreError> {
        let unit = "count runs";
        retry::read(self.retry_for, unit, || {
            query::count_runs(self.pool(), query, limit)
        })
        .await
    }

    async fn list_run_events(
        &self,
        key: RunKey,
        page: EventPageRequest,
    ) -> Result<Option<Page<RunEvent>>, StoreError> {
        retry::read(self.retry_for, "list a history", || {
            history::list(self.pool(), key, page)
        })
        .await
    }
}

#[async_trait]
impl FlowStore for PostgresStore {
    async fn find_flow(&self, key: FlowKey) -> Result<Option<Flow>, StoreError> {
        retry::read(self.retry_for, "find a flow", || {
            flows::find(self.pool(), key)
        })
        .await
    }

    async fn create_flow(&self, flow: Flow) -> Result<(), StoreError> {
        flows::create(&self.pool, self.retry_for, &flow).await
    }

    async fn update_flow(
        &self,
        key: FlowKey,
        decide: DecideFlow,
    ) -> Result<Option<Updated<Flow>>, StoreError> {
        flows::update(&self.pool, self.retry_for, key, decide).await
    }

    async fn delete_flow(
        &self,
        key: FlowKey,
        decide: DecideFlow,
    ) -> Result<Option<FlowDeleted>, StoreError> {
        flows::delete(&self.pool, self.retry_for, key, decide).await
    }

    async fn query_flows(&self, query: &FlowQuery) -> Result<FoundFlows, StoreError> {
        let unit = "query flows";
        retry::read(self.retry_for, unit, || {
            query::query_flows(self.pool(), query)
        })
        .await
    }

    async fn count_flows(&self, query: &FlowQuery, limit: CountLimit) -> Result<Count, StoreError> {
        let unit = "count flows";
        retry::read(self.retry_for, unit, || {
            query::count_flows(self.pool(), query, limit)
        })
        .await
    }

    async fn find_flows(&self, tenant: TenantId, ids: &[FlowId]) -> Result<Vec<Flow>, StoreError> {
        retry::read(self.retry_for, "find flows", || {
            query::find_flows(self.pool(), tenant, ids)
        })
        .await
    }
}

#[async_trait]
impl IdempotencyStore for PostgresStore {
    async fn claim_key(&self, claim: KeyClaim) -> Result<Claimed, StoreError> {
        idempotency::claim(&self.pool, self.retry_for, &claim).await
    }

    async fn keep_answer(&self, claim: KeyClaim, answer: KeptAnswer) -> Result<(), StoreError> {
        idempotency::keep(&self.pool, self.retry_for, &claim, &answer).await
    }

    async fn release_key(&self, claim: KeyClaim) -> Result<(), StoreError> {
        idempotency::release(&self.pool, &claim).await
    }

    async fn forget_keys(&self, before: Timestamp, most: u16) -> Result<u64, StoreError> {
        idempotency::forget(&self.pool, before, most).await
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn check(&self) -> Result<(), NotReady> {
        let status = retry::read(self.retry_for, "check the database", || {
            SchemaStatus::read(self.pool())
        });
        status.await?.check()?;
        self.writers.check_connections().await
    }
}
