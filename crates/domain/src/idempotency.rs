//! Idempotency keys: the response to the first creation with a key is stored and sent again for later ones.

use std::time::Duration;

use uuid::Uuid;

use crate::{id::TenantId, timestamp::Timestamp};

/// A SHA-256 digest of values that are only compared for equality.
pub type Digest = [u8; 32];

/// An idempotency key of a caller, as it is stored.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct IdempotencyKey {
    /// The tenant of the caller.
    pub tenant: TenantId,
    /// The digest of the caller and the key that was sent.
    pub digest: Digest,
}

/// The id and the time that all attempts of one creation use, so that only one row is created.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Reserved {
    /// The id of the created row, unless the client sends one.
    pub id: Uuid,
    /// When the first attempt was received: the creation time of the row.
    pub received: Timestamp,
}

/// The claim of one request (an attempt) to carry out the creation of a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct KeyClaim {
    /// The key.
    pub key: IdempotencyKey,
    /// The digest of the route and the body.
    pub request: Digest,
    /// Identifies this attempt.
    pub attempt: Uuid,
    /// What the creation uses if this is the first attempt.
    pub reserved: Reserved,
}

impl KeyClaim {
    /// How long an attempt excludes others. It limits how long a key is blocked by a process that crashed. An attempt that takes
    /// longer loses nothing: the next attempt creates the same row.
    pub const LEASE: Duration = Duration::from_secs(60);
    /// How long a response is stored.
    pub const RETENTION: Duration = Duration::from_secs(24 * 60 * 60);

    /// When this attempt was received.
    pub const fn now(&self) -> Timestamp {
        self.reserved.received
    }

    /// Until when this attempt excludes others.
    pub fn lease_end(&self) -> Timestamp {
        Timestamp::new(self.now().date_time() + Self::LEASE).unwrap_or(self.now())
    }
}

/// The response to a creation, as the front end that sent it describes it. Neither the domain nor a store interprets it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredResponse {
    /// The outcome in the protocol of the front end.
    pub code: u16,
    /// Named values that are sent again.
    pub attributes: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// A key as a store holds it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredKey {
    /// The digest of the route and the body of the first attempt.
    pub request: Digest,
    /// The latest attempt.
    pub attempt: Uuid,
    /// What all attempts use.
    pub reserved: Reserved,
    /// Until when the latest attempt excludes others.
    pub lease_end: Timestamp,
    /// The response, once the creation has been carried out.
    pub response: Option<StoredResponse>,
}

/// What a store must do when a key that it holds is claimed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum KeyDecision {
    /// Replace the stored key by the claim, since its retention has ended.
    Replace,
    /// Let this attempt continue with the reserved id and time: the attempt before it gave up or crashed.
    TakeOver,
    /// Write nothing and return the outcome.
    Decline(ClaimOutcome),
}

/// The outcome of a claim.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ClaimOutcome {
    /// The caller carries out the creation with this id and time.
    Granted(Reserved),
    /// The creation was carried out before, with this response.
    Completed(StoredResponse),
    /// Another attempt is in progress.
    InProgress,
    /// The key was sent before with another route or body.
    DifferentRequest,
}

impl StoredKey {
    /// The stored key of a first attempt.
    pub fn new(claim: &KeyClaim) -> Self {
        Self {
            request: claim.request,
            attempt: claim.attempt,
            reserved: claim.reserved,
            lease_end: claim.lease_end(),
            response: None,
        }
    }

    /// Decides a claim of this key.
    pub fn decide(&self, claim: &KeyClaim) -> KeyDecision {
        let age = claim.now().date_time() - self.reserved.received.date_time();
        if age.to_std().is_ok_and(|age| age >= KeyClaim::RETENTION) {
            return KeyDecision::Replace;
        }
        if self.request != claim.request {
            return KeyDecision::Decline(ClaimOutcome::DifferentRequest);
        }
        match &self.response {
            Some(response) => KeyDecision::Decline(ClaimOutcome::Completed(response.clone())),
            // The same attempt again: the store granted the claim, but its answer was lost.
            None if self.attempt == claim.attempt => {
                KeyDecision::Decline(ClaimOutcome::Granted(self.reserved))
            }
            None if claim.now() < self.lease_end => KeyDecision::Decline(ClaimOutcome::InProgress),
            None => KeyDecision::TakeOver,
        }
    }
}
