//! Tokens that were verified before: to verify a signature costs more than all the rest of a request.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
};

use lru::LruCache;

use super::{caller::Caller, key_set::KeySetRevocation};

/// How many tokens are remembered; the least recently used is evicted first.
const MAX_TOKENS: NonZeroUsize = NonZeroUsize::new(1024).unwrap();
/// A longer token is verified each time, so that the cache has a limit in bytes too.
const MAX_TOKEN_BYTES: usize = 4096;

/// The callers of verified tokens, each until its token expires or the keys that verified it are replaced.
pub(super) struct TokenCache(Mutex<LruCache<Box<str>, Verified>>);

struct Verified {
    caller: Arc<Caller>,
    /// The last second at which the token is valid.
    until: u64,
    /// Set once the key set that verified it is replaced.
    revocation: KeySetRevocation,
}

impl TokenCache {
    pub(super) fn new() -> Self {
        Self(Mutex::new(LruCache::new(MAX_TOKENS)))
    }

    /// The caller of a token that was verified before and is valid at `now`, in seconds.
    pub(super) fn caller(&self, token: &str, now: u64) -> Option<Arc<Caller>> {
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let verified = tokens.get(token)?;
        if verified.until < now || verified.revocation.is_set() {
            tokens.pop(token);
            return None;
        }
        Some(Arc::clone(&verified.caller))
    }

    /// Remembers a token that was verified just now.
    pub(super) fn remember(
        &self,
        token: &str,
        caller: &Arc<Caller>,
        until: u64,
        revocation: &KeySetRevocation,
    ) {
        if token.len() > MAX_TOKEN_BYTES {
            return;
        }
        let verified =
            Verified { caller: Arc::clone(caller), until, revocation: revocation.clone() };
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.put(token.into(), verified);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flowruns_domain::id::TenantId;

    fn caller() -> Arc<Caller> {
        let tenant: TenantId = "0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e".parse().unwrap();
        Arc::new(Caller::new(tenant, "nightly".to_owned(), None))
    }

    #[test]
    fn a_token_is_remembered_until_it_expires() {
        let tokens = TokenCache::new();
        tokens.remember("a", &caller(), 100, &KeySetRevocation::default());
        assert!(tokens.caller("a", 100).is_some());
        assert!(tokens.caller("a", 101).is_none());
        assert!(tokens.caller("b", 100).is_none());
    }

    #[test]
    fn a_token_is_remembered_no_longer_than_the_keys_that_verified_it() {
        let tokens = TokenCache::new();
        let (kept, replaced) = (KeySetRevocation::default(), KeySetRevocation::default());
        tokens.remember("a", &caller(), 100, &kept);
        tokens.remember("b", &caller(), 100, &replaced);
        assert!(tokens.caller("b", 1).is_some());
        replaced.set();
        assert!(tokens.caller("b", 1).is_none());
        assert!(tokens.caller("a", 1).is_some());
    }

    #[test]
    fn the_cache_is_bounded_in_number_and_in_bytes() {
        let tokens = TokenCache::new();
        let caller = caller();
        for number in 0..=MAX_TOKENS.get() {
            tokens.remember(&number.to_string(), &caller, 100, &KeySetRevocation::default());
        }
        assert!(tokens.caller("0", 1).is_none());
        assert!(tokens.caller("1", 1).is_some());
        let long = "a".repeat(MAX_TOKEN_BYTES + 1);
        tokens.remember(&long, &caller, 100, &KeySetRevocation::default());
        assert!(tokens.caller(&long, 1).is_none());
    }
}
