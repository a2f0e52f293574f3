//! Deletes the idempotency keys whose responses are no longer kept.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use flowruns_domain::{
    clock::Clock, idempotency::KeyClaim, store::IdempotencyStore, timestamp::Timestamp,
};

use super::PeriodicTask;

const INTERVAL: Duration = Duration::from_secs(60);
/// Keys that one statement deletes, so that its locks and its transaction are short.
const BATCH_SIZE: u16 = 1000;
/// A run ends after this number of batches, so that the shutdown does not wait long for it. That is 1,600 keys a second.
const MAX_BATCHES: usize = 100;

/// Several servers may purge at once: each statement skips the keys that another one is deleting.
pub(crate) struct KeyPurge<S> {
    store: S,
    clock: Arc<dyn Clock>,
}

impl<S: IdempotencyStore> KeyPurge<S> {
    pub(crate) fn new(store: S, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }
}

impl<S: IdempotencyStore> PeriodicTask for KeyPurge<S> {
    const NAME: &'static str = "idempotencyKeyPurge";

    fn interval(&self) -> Duration {
        INTERVAL
    }

    async fn run(&mut self) -> anyhow::Result<()> {
        let now = self.clock.now().date_time();
        let before = Timestamp::new(now - KeyClaim::RETENTION)?;
        let mut purged = 0;
        for _ in 0..MAX_BATCHES {
            let deleted = self.store.delete_keys(before, BATCH_SIZE).await;
            let deleted = deleted.context("old idempotency keys could not be deleted")?;
            purged += deleted;
            if deleted < u64::from(BATCH_SIZE) {
                break;
            }
        }
        tracing::debug!(purged, "old idempotency keys were deleted");
        Ok(())
    }
}
