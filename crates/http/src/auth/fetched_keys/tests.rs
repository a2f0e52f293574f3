//! When keys are fetched. The clock is paused until all tasks wait.

mod withdrawn;

use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use futures_util::future::join_all;
use tokio::time::advance;

use super::*;
use crate::auth::{
    Issuer, TokenError, TokenPolicy, TokenVerifier,
    testing::{AUDIENCE, NamedKey, jwks},
};

const ISSUER: &str = "https://issuer.example/";
const OPTIONS: RefreshOptions = RefreshOptions {
    interval: Duration::from_secs(3600),
    cooldown: Duration::from_secs(10),
    timeout: Duration::from_secs(5),
    max_waiting: 128,
};

/// An issuer with a configured response, which counts the fetches.
#[derive(Default)]
struct Source {
    /// Without one a fetch fails.
    response: Mutex<Option<Vec<u8>>>,
    is_unresponsive: AtomicBool,
    panics: AtomicBool,
    fetches: AtomicUsize,
}

#[derive(Clone, Default)]
struct FakeIssuer(Arc<Source>);

impl FakeIssuer {
    fn respond_with(&self, json: impl Into<Option<Vec<u8>>>) {
        *self.0.response.lock().unwrap() = json.into();
    }

    fn set_unresponsive(&self, is_unresponsive: bool) {
        self.0.is_unresponsive.store(is_unresponsive, Ordering::SeqCst);
    }

    fn fetches(&self) -> usize {
        self.0.fetches.load(Ordering::SeqCst)
    }

    fn verifier(&self) -> TokenVerifier {
        let policy = TokenPolicy {
            issuer: ISSUER.to_owned(),
            audiences: vec![AUDIENCE.to_owned()],
            leeway_seconds: 60,
        };
        let keys = FetchedKeys::start(ISSUER.to_owned(), self.clone(), OPTIONS);
        TokenVerifier::of_issuers(vec![Issuer::with_fetched_keys(policy, keys)])
    }
}

impl FetchKeys for FakeIssuer {
    fn fetch(&self) -> BoxFuture<'_, Result<Vec<u8>, FetchError>> {
        Box::pin(async {
            self.0.fetches.fetch_add(1, Ordering::SeqCst);
            if self.0.is_unresponsive.load(Ordering::SeqCst) {
                std::future::pending::<()>().await;
            }
            let panics = self.0.panics.load(Ordering::SeqCst);
            assert!(!panics, "the fetch panics");
            let response = self.0.response.lock().unwrap().clone();
            response.ok_or_else(|| "connection refused".into())
        })
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_request_waits_for_the_first_fetch() {
    let (source, key) = (FakeIssuer::default(), NamedKey::new("a"));
    source.respond_with(jwks(&[&key]));
    let verifier = source.verifier();
    assert!(verifier.verify(&key.token(ISSUER)).await.is_ok());
    assert_eq!(source.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn after_a_fetch_that_panics_the_keys_are_fetched_again() {
    let (source, key) = (FakeIssuer::default(), NamedKey::new("a"));
    source.respond_with(jwks(&[&key]));
    source.0.panics.store(true, Ordering::SeqCst);
    let verifier = source.verifier();
    let rejected = verifier.verify(&key.token(ISSUER)).await;
    assert_eq!(rejected, Err(TokenError::KeysUnavailable));
    source.0.panics.store(false, Ordering::SeqCst);
    advance(OPTIONS.cooldown).await;
    assert!(verifier.verify(&key.token(ISSUER)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn keys_are_fetched_for_an_unknown_key_once_the_cooldown_is_over() {
    let (source, old, new) = (FakeIssuer::default(), NamedKey::new("a"), NamedKey::new("b"));
    source.respond_with(jwks(&[&old]));
    let verifier = source.verifier();
    verifier.verify(&old.token(ISSUER)).await.unwrap();
    source.respond_with(jwks(&[&old, &new]));
    let rejected = verifier.verify(&new.token(ISSUER)).await;
    assert_eq!((rejected, source.fetches()), (Err(TokenError::WronglySigned), 1));
    advance(OPTIONS.cooldown).await;
    assert!(verifier.verify(&new.token(ISSUER)).await.is_ok());
    assert!(verifier.verify(&old.token(ISSUER)).await.is_ok());
    assert_eq!(source.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_unknown_keys_cause_one_fetch_in_each_cooldown() {
    let (source, key) = (FakeIssuer::default(), NamedKey::new("a"));
    source.respond_with(jwks(&[&key]));
    let verifier = source.verifier();
    verifier.verify(&key.token(ISSUER)).await.unwrap();
    let flood: Vec<_> =
        (0..100).map(|number| NamedKey::new(&format!("random-{number}")).token(ISSUER)).collect();
    for round in 1..=100 {
        if round % 50 == 0 {
            advance(OPTIONS.cooldown).await;
        }
        let results = join_all(flood.iter().map(|token| verifier.verify(token))).await;
        assert!(results.iter().all(|result| *result == Err(TokenError::WronglySigned)));
    }
    assert_eq!(source.fetches(), 3);
}

#[tokio::test(start_paused = true)]
async fn without_any_keys_a_token_is_undecided_and_the_issuer_is_asked_less_and_less_often() {
    let (source, key) = (FakeIssuer::default(), NamedKey::new("a"));
    let verifier = source.verifier();
    let token = key.token(ISSUER);
    for _ in 0..100 {
        assert_eq!(verifier.verify(&token).await, Err(TokenError::KeysUnavailable));
    }
    assert_eq!(source.fetches(), 1);
    let pauses: Vec<_> = (1..=5).map(|failures| OPTIONS.pause(failures).as_secs()).collect();
    assert_eq!(pauses, [10, 20, 40, 60, 60]);
    source.respond_with(jwks(&[&key]));
    advance(OPTIONS.cooldown).await;
    assert!(verifier.verify(&token).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn known_keys_survive_a_failed_fetch_and_an_unknown_one_is_undecided() {
    let (source, key) = (FakeIssuer::default(), NamedKey::new("a"));
    source.respond_with(jwks(&[&key]));
    let verifier = source.verifier();
    verifier.verify(&key.token(ISSUER)).await.unwrap();
    for response in
        [None, Some(b"<html>".to_vec()), Some(b"{}".to_vec()), Some(br#"{"keys":null}"#.to_vec())]
    {
        source.respond_with(response);
        advance(LONGEST_PAUSE).await;
        let unknown = NamedKey::new("b").token(ISSUER);
        assert_eq!(verifier.verify(&unknown).await, Err(TokenError::KeysUnavailable));
        // Another token of the known key: the one above may be in the cache.
        let other = key.sign(&serde_json::json!({"iss": ISSUER, "aud": [AUDIENCE], "tid": crate::auth::testing::TENANT,
            "exp": 4_102_444_800_u64, "fetches": source.fetches()}));
        assert!(verifier.verify(&other).await.is_ok());
    }
    assert!(source.fetches() >= 5);
}

#[tokio::test(start_paused = true)]
async fn no_more_requests_than_allowed_wait_for_an_unresponsive_issuer() {
    let (source, key) = (FakeIssuer::default(), NamedKey::new("a"));
    source.respond_with(jwks(&[&key]));
    let verifier = source.verifier();
    verifier.verify(&key.token(ISSUER)).await.unwrap();
    source.set_unresponsive(true);
    advance(OPTIONS.cooldown).await;
    let begin = Instant::now();
    let flood: Vec<_> =
        (0..200).map(|number| NamedKey::new(&format!("random-{number}")).token(ISSUER)).collect();
    let waits = async |token: &String| {
        let rejected = verifier.verify(token).await;
        (rejected.unwrap_err(), begin.elapsed())
    };
    let results = join_all(flood.iter().map(waits)).await;
    let unavailable = TokenError::KeysUnavailable;
    assert!(results.iter().all(|(rejected, _)| *rejected == unavailable));
    let waited = results.iter().filter(|(_, time)| !time.is_zero()).count();
    assert_eq!(waited, OPTIONS.max_waiting);
    // The permits are available again.
    source.set_unresponsive(false);
    source.respond_with(jwks(&[&key, &NamedKey::new("b")]));
    let verified = async {
        while verifier.verify(&flood[0]).await == Err(unavailable) {
            advance(OPTIONS.cooldown).await;
        }
        verifier.verify(&flood[0]).await
    };
    let result = timeout(LONGEST_PAUSE * 10, verified).await;
    assert_eq!(result, Ok(Err(TokenError::WronglySigned)));
}

#[tokio::test(start_paused = true)]
async fn an_unresponsive_issuer_delays_unknown_keys_until_the_timeout_and_known_ones_not_at_all() {
    let (source, key) = (FakeIssuer::default(), NamedKey::new("a"));
    source.respond_with(jwks(&[&key]));
    let verifier = source.verifier();
    verifier.verify(&key.token(ISSUER)).await.unwrap();
    source.set_unresponsive(true);
    advance(OPTIONS.cooldown).await;
    let begin = Instant::now();
    let unknown = NamedKey::new("b").token(ISSUER);
    let known = key.sign(
        &serde_json::json!({"iss": ISSUER, "aud": AUDIENCE, "tid": crate::auth::testing::TENANT,
        "exp": 4_102_444_801_u64}),
    );
    let after = async |token: &str| (verifier.verify(token).await.is_ok(), begin.elapsed());
    let (unknown, known) = tokio::join!(after(&unknown), after(&known));
    assert_eq!(unknown, (false, OPTIONS.timeout));
    assert_eq!(known, (true, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_was_withdrawn_is_rejected_after_the_interval_even_for_a_token_that_was_verified()
 {
    let (source, old, new) = (FakeIssuer::default(), NamedKey::new("a"), NamedKey::new("b"));
    source.respond_with(jwks(&[&old]));
    let verifier = source.verifier();
    let token = old.token(ISSUER);
    assert!(verifier.verify(&token).await.is_ok());
    source.respond_with(jwks(&[&new]));
    assert!(verifier.verify(&token).await.is_ok());
    advance(OPTIONS.interval).await;
    // A token of the new key is verified once the fetch is done.
    assert!(verifier.verify(&new.token(ISSUER)).await.is_ok());
    assert_eq!(verifier.verify(&token).await, Err(TokenError::WronglySigned));
    assert_eq!(source.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn only_tokens_of_the_new_key_are_accepted_when_a_kid_changes_its_key() {
    let (source, old, new) = (FakeIssuer::default(), NamedKey::new("a"), NamedKey::new("a"));
    source.respond_with(jwks(&[&old]));
    let verifier = source.verifier();
    assert!(verifier.verify(&old.token(ISSUER)).await.is_ok());
    source.respond_with(jwks(&[&new]));
    advance(OPTIONS.interval).await;
    // An unknown kid waits for the fetch that is due.
    let unknown = NamedKey::new("z").token(ISSUER);
    assert!(verifier.verify(&unknown).await.is_err());
    assert!(verifier.verify(&old.token(ISSUER)).await.is_err());
    assert!(verifier.verify(&new.token(ISSUER)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_fetched_for_a_token_of_another_issuer() {
    let (source, key) = (FakeIssuer::default(), NamedKey::new("a"));
    source.respond_with(jwks(&[&key]));
    let verifier = source.verifier();
    verifier.verify(&key.token(ISSUER)).await.unwrap();
    advance(OPTIONS.cooldown).await;
    let other = NamedKey::new("b").token("https://other.example/");
    assert_eq!(verifier.verify(&other).await, Err(TokenError::WrongIssuer));
    assert_eq!(source.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_fetched_once_the_keys_are_dropped() {
    let source = FakeIssuer::default();
    let keys = FetchedKeys::start(ISSUER.to_owned(), source.clone(), OPTIONS);
    keys.refreshed().await;
    drop(keys);
    let fetches = source.fetches();
    advance(OPTIONS.interval * 2).await;
    tokio::task::yield_now().await;
    assert_eq!(source.fetches(), fetches);
    // The task has dropped the source.
    assert_eq!(Arc::strong_count(&source.0), 1);
}
