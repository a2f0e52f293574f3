//! The token in use.

use std::sync::Arc;

use chrono::TimeDelta;
use flowruns_domain::timestamp::Timestamp;
use tokio::sync::Mutex;

use super::provider::{Token, TokenError, TokenProvider};

/// A token is fetched again this long before it expires.
const BEFORE_EXPIRY: TimeDelta = TimeDelta::seconds(60);
/// A token with a shorter life is fetched again when this part of its last minute is left.
const LEAST: TimeDelta = TimeDelta::seconds(5);

/// Keeps a token until it expires. One task at a time fetches; the others wait for it.
pub(crate) struct TokenCache {
    provider: Arc<dyn TokenProvider>,
    held: Mutex<Option<Held>>,
}

struct Held {
    token: Token,
    /// When to fetch the next one.
    until: Option<Timestamp>,
}

impl TokenCache {
    pub(crate) fn new(provider: Arc<dyn TokenProvider>) -> Self {
        Self { provider, held: Mutex::new(None) }
    }

    /// The token to send.
    pub(crate) async fn token(&self, now: Timestamp) -> Result<Token, TokenError> {
        let mut held = self.held.lock().await;
        let current = held.as_ref().filter(|held| held.until.is_none_or(|until| now < until));
        if let Some(current) = current {
            return Ok(current.token.clone());
        }
        match self.provider.fetch(now).await {
            Ok(token) => {
                let until = token.expires().and_then(|expires| renewal(now, expires));
                *held = Some(Held { token: token.clone(), until });
                Ok(token)
            }
            Err(error) => {
                // The old one is good until it expires.
                let usable = held
                    .as_ref()
                    .filter(|held| held.token.expires().is_some_and(|expires| now < expires));
                usable.map(|held| held.token.clone()).ok_or(error)
            }
        }
    }

    /// Discards a token that the server did not accept, unless another one is in use already.
    pub(crate) async fn discard(&self, token: &Token) {
        let mut held = self.held.lock().await;
        if held.as_ref().is_some_and(|held| held.token.is_same(token)) {
            *held = None;
        }
    }
}

/// A minute before the end; for a short life, when a tenth of it is left. `None` for a new token that has expired by our clock: the clock
/// may be wrong, and the server tells with 401 when it is not.
fn renewal(now: Timestamp, expires: Timestamp) -> Option<Timestamp> {
    let life = expires.date_time() - now.date_time();
    if life <= TimeDelta::zero() {
        return None;
    }
    let margin = BEFORE_EXPIRY.min((life / 10).max(LEAST));
    Some(Timestamp::new(expires.date_time() - margin).unwrap_or(expires))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use async_trait::async_trait;

    use super::*;

    struct Numbered {
        fetched: AtomicU32,
        life: TimeDelta,
    }

    #[async_trait]
    impl TokenProvider for Numbered {
        async fn fetch(&self, now: Timestamp) -> Result<Token, TokenError> {
            let number = self.fetched.fetch_add(1, Ordering::Relaxed);
            if number == 2 {
                return Err(TokenError::unavailable("the third", "away"));
            }
            let expires = Timestamp::new(now.date_time() + self.life).unwrap();
            Ok(Token::new(&format!("token-{number}"), "the test")?.expiring(Some(expires)))
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::new(chrono::DateTime::from_timestamp(1_772_353_800 + seconds, 0).unwrap())
            .unwrap()
    }

    #[tokio::test]
    async fn a_token_is_renewed_before_it_expires_and_the_old_one_bridges_a_failure() {
        let provider = Numbered { fetched: AtomicU32::new(0), life: TimeDelta::seconds(3600) };
        let cache = TokenCache::new(Arc::new(provider));
        let shown = async |seconds| {
            let token = cache.token(at(seconds)).await;
            token.map(|token| token.bearer().to_str().unwrap().to_owned())
        };
        assert_eq!(shown(0).await.unwrap(), "Bearer token-0");
        assert_eq!(shown(3539).await.unwrap(), "Bearer token-0");
        assert_eq!(shown(3540).await.unwrap(), "Bearer token-1");
        // The third fetch fails, and token-1 is still good.
        assert_eq!(shown(3540 + 3550).await.unwrap(), "Bearer token-1");
        assert_eq!(shown(3540 + 3551).await.unwrap(), "Bearer token-3");
    }

    #[tokio::test]
    async fn a_discarded_token_is_fetched_again_once() {
        let provider = Numbered { fetched: AtomicU32::new(0), life: TimeDelta::seconds(3600) };
        let cache = TokenCache::new(Arc::new(provider));
        let first = cache.token(at(0)).await.unwrap();
        cache.discard(&first).await;
        let second = cache.token(at(0)).await.unwrap();
        assert!(!second.is_same(&first));
        // Another task that used the first one, too.
        cache.discard(&first).await;
        assert!(cache.token(at(0)).await.unwrap().is_same(&second));
    }

    #[tokio::test]
    async fn a_new_token_that_has_expired_by_a_wrong_clock_is_kept_until_it_is_discarded() {
        let provider = Numbered { fetched: AtomicU32::new(0), life: TimeDelta::seconds(-5) };
        let cache = TokenCache::new(Arc::new(provider));
        let first = cache.token(at(0)).await.unwrap();
        assert!(cache.token(at(3600)).await.unwrap().is_same(&first));
        cache.discard(&first).await;
        assert!(!cache.token(at(3600)).await.unwrap().is_same(&first));
    }
}
