//! Runs: the port, and the statements that read one run or the keys of runs.

use std::sync::LazyLock;

use async_trait::async_trait;
use flowruns_domain::{
    id::{FlowId, RunId, RunKey, TenantId},
    query::{Count, CountLimit, EventPageRequest, Page, PageSize, RunPage, RunQuery},
    run::{Run, RunChange, RunEvent},
    store::{Created, RunReport, RunStore, StoreError, StoreErrorKind, Updated},
    version::Version,
};
use sqlx::{PgPool, Postgres, postgres::PgArguments, query::QueryScalar};
use uuid::Uuid;

use crate::{
    columns, error::store_error, flows, history, query, row::RunRow, store::PostgresStore,
};

pub(crate) static FIND: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {columns} FROM runs WHERE flow_id = $1 AND tenant_id = $2 AND id = $3 AND deleted_at IS NULL",
        columns = *columns::RUN,
    )
});

pub(crate) const EXISTS: &str = "
    SELECT EXISTS (SELECT FROM runs WHERE flow_id = $1 AND tenant_id = $2 AND id = $3 AND deleted_at IS NULL)";

pub(crate) const IS_DELETED: &str = "
    SELECT EXISTS (SELECT FROM runs WHERE flow_id = $1 AND tenant_id = $2 AND id = $3 AND deleted_at IS NOT NULL)";

/// `id >= $2 AND id <= $2` keeps the id in the ORDER BY, so that the planner uses the index of a tenant's ids.
pub(crate) const FLOWS_OF_ID: &str = "
    SELECT flow_id FROM runs WHERE tenant_id = $1 AND id >= $2 AND id <= $2 AND deleted_at IS NULL
    ORDER BY id, flow_id LIMIT $3";

#[async_trait]
impl RunStore for PostgresStore {
    async fn find_run(&self, key: RunKey) -> Result<Option<Run>, StoreError> {
        self.read("find a run", || find(self.pool(), key)).await
    }

    async fn run_exists(&self, key: RunKey) -> Result<bool, StoreError> {
        self.read("look for a run", || is_true(self.pool(), sqlx::query_scalar(EXISTS), key)).await
    }

    async fn find_run_keys(
        &self,
        tenant: TenantId,
        run: RunId,
        limit: u16,
    ) -> Result<Vec<RunKey>, StoreError> {
        self.read("find runs by id", || find_keys(self.pool(), tenant, run, limit)).await
    }

    async fn create_run(&self, creation: RunChange) -> Result<Created, StoreError> {
        if self.writers.create(creation.clone()).await? {
            return Ok(Created::New(creation.run));
        }
        let created = self.read("find a created run", || existing(self.pool(), &creation)).await?;
        if let Created::New(run) = &created {
            self.writers.meter().created(run);
        }
        Ok(created)
    }

    async fn update_run(
        &self,
        key: RunKey,
        report: RunReport,
    ) -> Result<Option<Updated<Run>>, StoreError> {
        self.writers.update(key, report).await
    }

    async fn query_runs(&self, query: &RunQuery) -> Result<Option<RunPage>, StoreError> {
        self.read("query runs", || query::query_runs(self.pool(), query)).await
    }

    async fn count_runs(
        &self,
        query: &RunQuery,
        limit: CountLimit,
    ) -> Result<Option<Count>, StoreError> {
        self.read("count runs", || query::count_runs(self.pool(), query, limit)).await
    }

    async fn list_run_events(
        &self,
        key: RunKey,
        page: EventPageRequest,
    ) -> Result<Option<Page<RunEvent>>, StoreError> {
        self.read("list a history", || history::list(self.pool(), key, page)).await
    }
}

async fn find(pool: &PgPool, key: RunKey) -> Result<Option<Run>, StoreError> {
    let query = sqlx::query_as(FIND.as_str())
        .bind(key.flow.uuid())
        .bind(key.tenant.uuid())
        .bind(key.run.uuid());
    // Given the pool itself, sqlx would move a future of several KiB four times.
    let mut connection = pool.acquire().await.map_err(store_error)?;
    let row: Option<RunRow> = query.fetch_optional(&mut *connection).await.map_err(store_error)?;
    row.map(|row| row.into_run(key)).transpose()
}

async fn is_true(
    pool: &PgPool,
    question: QueryScalar<'_, Postgres, bool, PgArguments>,
    key: RunKey,
) -> Result<bool, StoreError> {
    let question = question.bind(key.flow.uuid()).bind(key.tenant.uuid()).bind(key.run.uuid());
    question.fetch_one(pool).await.map_err(store_error)
}

/// The keys of a tenant's runs of this id, by flow id.
async fn find_keys(
    pool: &PgPool,
    tenant: TenantId,
    run: RunId,
    limit: u16,
) -> Result<Vec<RunKey>, StoreError> {
    let query =
        sqlx::query_scalar(FLOWS_OF_ID).bind(tenant.uuid()).bind(run.uuid()).bind(i64::from(limit));
    let flows: Vec<Uuid> = query.fetch_all(pool).await.map_err(store_error)?;
    let key = |flow: Uuid| {
        let flow = FlowId::new(flow).map_err(|_nil| StoreError {
            kind: StoreErrorKind::Corrupt { table: "runs", column: "flow_id", id: run.to_string() },
            source: None,
        })?;
        Ok(RunKey { tenant, flow, run })
    };
    flows.into_iter().map(key).collect()
}

/// The reason why the statement created nothing. A creation whose response was lost, and that was committed, is
/// recognized by the id of its event.
async fn existing(pool: &PgPool, creation: &RunChange) -> Result<Created, StoreError> {
    let key = creation.run.key;
    if let Some(run) = find(pool, key).await? {
        let first = first_event(pool, key).await?;
        let is_own = first.as_ref().is_some_and(|first| first.id == creation.event.id);
        return Ok(match is_own {
            true => Created::New(creation.run.clone()),
            false => Created::Exists(run, first),
        });
    }
    if is_true(pool, sqlx::query_scalar(IS_DELETED), key).await? {
        return Ok(Created::Deleted);
    }
    match flows::exists(pool, key.flow_key()).await? {
        false => Ok(Created::FlowNotFound),
        // The flow was created after the statement had looked for it; the next attempt of the client finds it.
        true => Err(StoreError { kind: StoreErrorKind::Contention, source: None }),
    }
}

async fn first_event(pool: &PgPool, key: RunKey) -> Result<Option<RunEvent>, StoreError> {
    let Some(size) = PageSize::new(1) else {
        return Ok(None);
    };
    let page = history::list(pool, key, EventPageRequest { size, after: None }).await?;
    let first = page.and_then(|page| page.items.into_iter().next());
    Ok(first.filter(|event| event.version == Version::FIRST))
}
