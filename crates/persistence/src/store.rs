//! The store. It implements the ports of the domain in the modules that have their SQL: `runs`, `flows` and
//! `idempotency`.

use std::{error::Error, sync::Arc, time::Duration};

use async_trait::async_trait;
use flowruns_admission::Usage;
use flowruns_domain::{
    query::{CountLimit, FlowQuery, RunQuery},
    store::{NotReady, Store, StoreError},
    timestamp::Timestamp,
};
use sqlx::PgPool;

use crate::{
    connect::{ConnectOptions, Durability, durability},
    dashboard::{self, DashboardQuery},
    pool::Pool,
    query, retry,
    schema_status::{self, SchemaStatus},
    writer::Writers,
};

/// Runs and flows in PostgreSQL. Clones share one pool and its writers.
#[derive(Clone)]
pub struct PostgresStore {
    pub(crate) pool: Pool,
    /// How long transient failures are retried.
    pub(crate) retry_for: Duration,
    pub(crate) writers: Arc<Writers>,
}

/// What a store uses now of its connections and of its writers' queue.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StoreLoad {
    /// Open connections of the pool.
    pub connections: u32,
    /// The unused ones among them.
    pub idle_connections: usize,
    /// Reports and creations that wait or are being written.
    pub queued_reports: usize,
    /// The size of their bodies, in bytes.
    pub queued_bytes: usize,
}

impl PostgresStore {
    /// Connects, and starts the writers in the current Tokio runtime. A writer that gets no connection is logged as a
    /// warning; it connects later, and until then [`check`](Store::check) fails.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be reached within [`ConnectOptions::acquire_timeout`].
    pub async fn connect(options: &ConnectOptions) -> Result<Self, StoreError> {
        let pool = options.pool().await?;
        let writers = Writers::start(options, &pool);
        if let Err(not_ready) = writers.check_connections().await {
            let cause = not_ready.source().and_then(Error::source);
            let cause = cause.map(tracing::field::display);
            tracing::warn!(cause, "the store cannot write: {not_ready}");
        }
        Ok(Self { writers: Arc::new(writers), pool, retry_for: options.retry_for })
    }

    /// The pool, for migrations' status and for tests.
    pub const fn pool(&self) -> &PgPool {
        self.pool.connections()
    }

    /// Whether the database keeps what it acknowledged.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database does not answer.
    pub async fn durability(&self) -> Result<Durability, StoreError> {
        durability(self.pool()).await
    }

    /// The current load of the pool and of the writers' queue.
    pub fn load(&self) -> StoreLoad {
        let Usage { requests: queued_reports, bytes: queued_bytes } = self.writers.usage();
        StoreLoad {
            connections: self.pool().size(),
            idle_connections: self.pool().num_idle(),
            queued_reports,
            queued_bytes,
        }
    }

    /// Whether the database is fit for this release: its encoding, its migrations, and whether it accepts writes.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database does not answer.
    pub async fn schema_status(&self) -> Result<SchemaStatus, StoreError> {
        SchemaStatus::of_pool(self.pool()).await
    }

    /// The number of consecutive months after the month of `now` (UTC) that have a partition of the history. -1 when the
    /// month of `now` has none: then its rows go to the default partition.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database does not answer.
    pub async fn partitions_ahead(&self, now: Timestamp) -> Result<i32, StoreError> {
        schema_status::partitions_ahead(self.pool(), now).await
    }

    /// The plans of the statements for a page of runs and for its count, one a statement, as the JSON of EXPLAIN (ANALYZE,
    /// BUFFERS, FORMAT JSON). The statements are carried out. For tests and for operators.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database does not answer.
    pub async fn explain_runs(
        &self,
        query: &RunQuery,
        limit: CountLimit,
    ) -> Result<Vec<String>, StoreError> {
        query::explain_runs(self.pool(), query, limit).await
    }

    /// As [`explain_runs`](Self::explain_runs), for flows.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database does not answer.
    pub async fn explain_flows(
        &self,
        query: &FlowQuery,
        limit: CountLimit,
    ) -> Result<Vec<String>, StoreError> {
        query::explain_flows(self.pool(), query, limit).await
    }

    /// The plan of the statement for a query of the dashboard, as for [`explain_runs`](Self::explain_runs); `None` for the history
    /// of a run that does not exist.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database does not answer.
    pub async fn explain_dashboard(
        &self,
        query: &DashboardQuery,
    ) -> Result<Option<String>, StoreError> {
        dashboard::explain::plan(self.pool(), query).await
    }

    /// Rejects new reports, writes those that wait, and closes the connections.
    pub async fn close(&self) {
        self.writers.close().await;
        self.pool().close().await;
    }

    /// Carries out a read, and repeats it after transient failures. `unit` is its label in the metrics.
    pub(crate) async fn read<T, F>(
        &self,
        unit: &'static str,
        attempt: impl FnMut() -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        retry::read(&self.pool, self.retry_for, unit, attempt).await
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn check(&self) -> Result<(), NotReady> {
        let status = self.read("check the database", || self.schema_status());
        status.await?.check()?;
        self.writers.check_connections().await
    }
}
