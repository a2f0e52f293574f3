//! Idempotency keys in memory.

use std::collections::btree_map::Entry;

use async_trait::async_trait;
use flowruns_domain::{
    idempotency::{ClaimOutcome, KeyClaim, KeyDecision, StoredKey, StoredResponse},
    store::{IdempotencyStore, StoreError},
    timestamp::Timestamp,
};

use super::MemoryStore;

#[async_trait]
impl IdempotencyStore for MemoryStore {
    async fn claim_key(&self, claim: KeyClaim) -> Result<ClaimOutcome, StoreError> {
        let mut tables = self.tables();
        let mut held = match tables.keys.entry(claim.key) {
            Entry::Vacant(free) => {
                free.insert(StoredKey::new(&claim));
                return Ok(ClaimOutcome::Granted(claim.reserved));
            }
            Entry::Occupied(held) => held,
        };
        Ok(match held.get().decide(&claim) {
            KeyDecision::Decline(claimed) => claimed,
            KeyDecision::Replace => {
                held.insert(StoredKey::new(&claim));
                ClaimOutcome::Granted(claim.reserved)
            }
            KeyDecision::TakeOver => {
                let key = held.get_mut();
                key.attempt = claim.attempt;
                key.lease_end = claim.lease_end();
                ClaimOutcome::Granted(key.reserved)
            }
        })
    }

    async fn store_response(
        &self,
        claim: KeyClaim,
        response: StoredResponse,
    ) -> Result<(), StoreError> {
        if let Some(key) = self.tables().key_of(&claim) {
            key.response = Some(response);
        }
        Ok(())
    }

    async fn release_key(&self, claim: KeyClaim) -> Result<(), StoreError> {
        if let Some(key) = self.tables().key_of(&claim) {
            key.lease_end = claim.now();
        }
        Ok(())
    }

    async fn delete_keys(&self, before: Timestamp, most: u16) -> Result<u64, StoreError> {
        let mut tables = self.tables();
        let mut old: Vec<_> = tables
            .keys
            .iter()
            .map(|(key, stored)| (stored.reserved.received, *key))
            .filter(|(received, _)| *received < before)
            .collect();
        old.sort_unstable();
        old.truncate(usize::from(most));
        for (_, key) in &old {
            tables.keys.remove(key);
        }
        Ok(old.len() as u64)
    }
}
