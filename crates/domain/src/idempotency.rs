//! Idempotency keys: the first answer to a creation is kept with its key, and given again.

use std::time::Duration;

use uuid::Uuid;

use crate::{id::TenantId, timestamp::Timestamp};

/// SHA-256 of something that is only ever compared.
pub type Digest = [u8; 32];

/// A key as it is stored: of one tenant and caller.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct IdempotencyKey {
    /// The tenant of the caller.
    pub tenant: TenantId,
    /// Of the caller and the key that was sent.
    pub digest: Digest,
}

/// What a creation under a key starts from: the same for every attempt, so that none creates twice.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Reserved {
    /// The id of what is created, where the client sends none.
    pub id: Uuid,
    /// When the first attempt came: the "now" of the creation.
    pub received: Timestamp,
}

/// One request's attempt to carry out the creation of a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct KeyClaim {
    /// The key.
    pub key: IdempotencyKey,
    /// Of the route and the body.
    pub request: Digest,
    /// This attempt, different from every other.
    pub attempt: Uuid,
    /// What the creation starts from if this is the first attempt.
    pub reserved: Reserved,
}

impl KeyClaim {
    /// How long an attempt keeps others away. One that crashed keeps the key no longer; one that is only slow loses
    /// nothing, since the attempt after it creates the same.
    pub const LEASE: Duration = Duration::from_secs(60);
    /// How long an answer is kept.
    pub const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);

    /// When this attempt came.
    pub const fn now(&self) -> Timestamp {
        self.reserved.received
    }

    /// Until when this attempt keeps others away.
    pub fn lease_end(&self) -> Timestamp {
        Timestamp::new(self.now().date_time() + Self::LEASE).unwrap_or(self.now())
    }
}

/// An answer as it was given.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeptAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The headers that are given again, by name.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// A key as a store holds it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredKey {
    /// Of the route and the body of the first attempt.
    pub request: Digest,
    /// The latest attempt.
    pub attempt: Uuid,
    /// What every attempt starts from.
    pub reserved: Reserved,
    /// Until when the latest attempt keeps others away.
    pub lease_end: Timestamp,
    /// The answer, once there is one.
    pub answer: Option<KeptAnswer>,
}

/// What a store shall do with a claim on a key that it holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum KeyDecision {
    /// The key is older than it is kept for: hold the claim in its place.
    Replace,
    /// The attempt before this one gave up or crashed: let this one go on with what is reserved.
    TakeOver,
    /// Write nothing.
    Answer(Claimed),
}

/// What a claim came to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Claimed {
    /// Carry out the creation, from this.
    Granted(Reserved),
    /// It was carried out; this is its answer.
    Answered(KeptAnswer),
    /// Another attempt is under way.
    UnderWay,
    /// The key was sent with another route or body.
    OtherRequest,
}

impl StoredKey {
    /// The key of a first attempt.
    pub fn new(claim: &KeyClaim) -> Self {
        Self {
            request: claim.request,
            attempt: claim.attempt,
            reserved: claim.reserved,
            lease_end: claim.lease_end(),
            answer: None,
        }
    }

    /// What a claim on this key comes to.
    pub fn decide(&self, claim: &KeyClaim) -> KeyDecision {
        let age = claim.now().date_time() - self.reserved.received.date_time();
        if age.to_std().is_ok_and(|age| age >= KeyClaim::KEPT_FOR) {
            return KeyDecision::Replace;
        }
        if self.request != claim.request {
            return KeyDecision::Answer(Claimed::OtherRequest);
        }
        match &self.answer {
            Some(answer) => KeyDecision::Answer(Claimed::Answered(answer.clone())),
            // The answer of the store to this claim was lost.
            None if self.attempt == claim.attempt => {
                KeyDecision::Answer(Claimed::Granted(self.reserved))
            }
            None if claim.now() < self.lease_end => KeyDecision::Answer(Claimed::UnderWay),
            None => KeyDecision::TakeOver,
        }
    }
}
