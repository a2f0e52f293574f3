//! A store in memory, with the semantics of the store on PostgreSQL.

mod dashboard;
mod flows;
mod idempotency;
mod runs;
mod tables;

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use flowruns_domain::store::{NotReady, Store};

use self::tables::Tables;

/// Holds all rows behind one lock, until it is dropped. Writers wait for each other, so none loses a race.
///
/// ```
/// use flowruns_domain::store::FlowStore;
/// use flowruns_testing::{MemoryStore, fixtures};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let store = MemoryStore::default();
/// let flow = fixtures::fresh_flow(fixtures::fresh_tenant());
/// store.create_flow(flow.clone()).await?;
/// assert_eq!(store.find_flow(flow.key).await?, Some(flow));
/// # Ok::<(), flowruns_domain::store::StoreError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct MemoryStore {
    tables: Mutex<Tables>,
}

impl MemoryStore {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        // What can panic, a caller's `decide`, is called before anything is written.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn check(&self) -> Result<(), NotReady> {
        Ok(())
    }
}
