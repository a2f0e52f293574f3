//! Creations of runs: what became of them.

use std::time::Duration;

use flowruns_domain::{
    Change, Created, EventPageRequest, FlowKey, PageSize, RunEvent, RunKey, StoreError,
};
use sqlx::PgPool;

use crate::{
    error::store_error,
    flows, history, retry, runs,
    writer::{Creating, Writers},
};

const IS_DELETED: &str = "
    SELECT EXISTS (SELECT FROM runs WHERE flow_id = $1 AND tenant_id = $2 AND id = $3 AND deleted_at IS NOT NULL)";

/// Creates a run. A creation that was committed although its answer was lost is known by its event.
pub(crate) async fn create(
    pool: &PgPool,
    writers: &Writers,
    retry_for: Duration,
    creation: Change,
) -> Result<Created, StoreError> {
    match writers.create(creation.clone()).await? {
        Creating::Done => Ok(Created::New(creation.run)),
        Creating::NotDone => {
            let existing = retry::read(retry_for, "find a created run", || {
                existing(pool, &creation)
            });
            let created = existing.await?;
            if let Created::New(run) = &created {
                writers.meter().created(run);
            }
            Ok(created)
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
