//! The port for idempotency keys.

use async_trait::async_trait;

use crate::{
    idempotency::{ClaimOutcome, KeyClaim, StoredResponse},
    store::error::StoreError,
    timestamp::Timestamp,
};

/// Stores idempotency keys and their responses.
#[async_trait]
pub trait IdempotencyStore: Send + Sync + 'static {
    /// Stores a new key, or does what [`StoredKey::decide`](crate::idempotency::StoredKey::decide) decides for a stored one, in one
    /// step: of concurrent claims one is granted.
    async fn claim_key(&self, claim: KeyClaim) -> Result<ClaimOutcome, StoreError>;

    /// Stores the response of the attempt of this claim, unless another attempt has replaced it.
    async fn store_response(
        &self,
        claim: KeyClaim,
        response: StoredResponse,
    ) -> Result<(), StoreError>;

    /// Ends the lease of the attempt of this claim, unless another attempt has replaced it.
    async fn release_key(&self, claim: KeyClaim) -> Result<(), StoreError>;

    /// Deletes up to `most` keys whose first attempt was received before this time, oldest first. Returns how many were deleted.
    async fn delete_keys(&self, before: Timestamp, most: u16) -> Result<u64, StoreError>;
}
