//! Creations of runs: the run and the first entry of its history, in one statement.

use std::time::Duration;

use flowruns_domain::{
    Change, Created, EventPageRequest, FlowKey, PageSize, RunEvent, RunKey, StoreError,
};
use sqlx::PgPool;

use crate::{
    error::{is_foreign_key_violation, store_error},
    flows, history,
    retry::{self, Budget},
    row::bound,
    runs,
};

const CREATE: &str = "
    WITH flow AS (SELECT id FROM flows WHERE id = $1 AND tenant_id = $2),
    created AS (
        INSERT INTO runs (flow_id, tenant_id, id, display_name, start_at, end_at, status, blocking_error, statistics,
            version, created_at, modified_at)
        SELECT flow.id, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11 FROM flow
        ON CONFLICT (flow_id, id) DO NOTHING
        RETURNING 1
    )
    INSERT INTO run_events
        (flow_id, tenant_id, run_id, version, occurred_at, event_id, actor, request_id, action, changes)
    SELECT $1, $2, $3, $10, $11, $12, $13, $14, $15, $16 FROM created";

const IS_DELETED: &str = "
    SELECT EXISTS (SELECT FROM runs WHERE flow_id = $1 AND tenant_id = $2 AND id = $3 AND deleted_at IS NOT NULL)";

/// Creates a run. Transient failures are retried within `retry_for`; a creation that was committed although its
/// answer was lost is known by its event.
pub(crate) async fn create(
    pool: &PgPool,
    retry_for: Duration,
    creation: Change,
) -> Result<Created, StoreError> {
    let mut budget = Budget::new(retry_for);
    loop {
        match bound(CREATE, &creation)
            .execute(pool)
            .await
            .map(|done| done.rows_affected() == 1)
        {
            Ok(true) => return Ok(Created::New(creation.run)),
            Ok(false) => {
                return retry::read(retry_for, "find a created run", || {
                    existing(pool, &creation)
                })
                .await;
            }
            Err(error) if is_foreign_key_violation(&error) => return Ok(Created::FlowAbsent),
            Err(error) => budget.retry_after(error, "create a run").await?,
        }
    }
}

/// Why nothing was created.
async fn existing(pool: &PgPool, creation: &Change) -> Result<Created, StoreError> {
    let key = creation.run.key;
    if let Some(run) = runs::find(pool, key).await? {
        let first = first_event(pool, key).await?;
        let is_own = first
            .as_ref()
            .is_some_and(|first| first.id == creation.event.id);
        return Ok(if is_own {
            Created::New(creation.run.clone())
        } else {
            Created::Exists(run, first)
        });
    }
    let query = sqlx::query_scalar(IS_DELETED)
        .bind(key.flow.uuid())
        .bind(key.tenant.uuid())
        .bind(key.run.uuid());
    let is_deleted: bool = query.fetch_one(pool).await.map_err(store_error)?;
    if is_deleted {
        Ok(Created::Deleted)
    } else {
        absent(pool, key.flow_key()).await
    }
}

async fn absent(pool: &PgPool, flow: FlowKey) -> Result<Created, StoreError> {
    match flows::find(pool, flow).await? {
        None => Ok(Created::FlowAbsent),
        // The flow came after our statement looked for it, and the next attempt of the client finds it.
        Some(_) => Err(StoreError {
            kind: flowruns_domain::StoreErrorKind::Contention,
            source: None,
        }),
    }
}

async fn first_event(pool: &PgPool, key: RunKey) -> Result<Option<RunEvent>, StoreError> {
    let Some(size) = PageSize::new(1) else {
        return Ok(None);
    };
    let page = history::list(pool, key, EventPageRequest { size, after: None }).await?;
    let first = page.and_then(|page| page.items.into_iter().next());
    Ok(first.filter(|event| event.version == flowruns_domain::Version::FIRST))
}
