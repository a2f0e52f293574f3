//! Idempotency keys: one claim is granted, its response is stored, and no key is blocked for ever.

use std::{sync::Arc, time::Duration};

use flowruns_domain::{
    id::TenantId,
    idempotency::{ClaimOutcome, IdempotencyKey, KeyClaim, Reserved, StoredResponse},
    store::Store,
    timestamp::Timestamp,
};

use crate::fixtures::{fresh_tenant, fresh_uuid, moment};

const SECOND: Duration = Duration::from_secs(1);

fn after(pause: Duration) -> Timestamp {
    Timestamp::new(moment().date_time() + pause).expect("a case ends before the year 9999")
}

/// An attempt of key 1 with request 1.
fn claim(tenant: TenantId, received: Timestamp) -> KeyClaim {
    KeyClaim {
        key: IdempotencyKey { tenant, digest: [1; 32] },
        request: [1; 32],
        attempt: fresh_uuid(),
        reserved: Reserved { id: fresh_uuid(), received },
    }
}

fn answer(body: &str) -> StoredResponse {
    StoredResponse {
        code: 201,
        attributes: vec![
            ("location".to_owned(), "http://localhost/1".to_owned()),
            ("etag".to_owned(), "W/\"1\"".to_owned()),
        ],
        body: body.as_bytes().to_vec(),
    }
}

async fn claimed(store: &Arc<dyn Store>, claim: KeyClaim) -> ClaimOutcome {
    let claimed = store.claim_key(claim).await;
    claimed.expect("the store takes a claim")
}

async fn keep(store: &Arc<dyn Store>, claim: KeyClaim, answer: StoredResponse) {
    let kept = store.store_response(claim, answer).await;
    kept.expect("the store keeps a response");
}

/// The first claim is granted its reservation; later claims wait, and then get its response.
pub async fn the_response_of_the_first_claim_is_replayed(store: Arc<dyn Store>) {
    let tenant = fresh_tenant();
    let first = claim(tenant, moment());
    assert_eq!(claimed(&store, first).await, ClaimOutcome::Granted(first.reserved));
    let second = claim(tenant, after(SECOND));
    assert_eq!(claimed(&store, second).await, ClaimOutcome::InProgress);
    keep(&store, first, answer("\u{0}\u{1F600}")).await;
    let kept = ClaimOutcome::Completed(answer("\u{0}\u{1F600}"));
    assert_eq!(claimed(&store, second).await, kept);
    let late = claim(tenant, after(KeyClaim::RETENTION - SECOND));
    assert_eq!(claimed(&store, late).await, kept);
}

/// A claim whose result was lost is granted when it is repeated.
pub async fn a_repeated_claim_is_granted_again(store: Arc<dyn Store>) {
    let first = claim(fresh_tenant(), moment());
    for _ in 0..2 {
        assert_eq!(claimed(&store, first).await, ClaimOutcome::Granted(first.reserved));
    }
}

/// Another route or body is another request, with or without a stored response.
pub async fn a_key_of_another_request_is_reported(store: Arc<dyn Store>) {
    let tenant = fresh_tenant();
    let first = claim(tenant, moment());
    claimed(&store, first).await;
    let other = KeyClaim { request: [2; 32], ..claim(tenant, moment()) };
    assert_eq!(claimed(&store, other).await, ClaimOutcome::DifferentRequest);
    keep(&store, first, answer("1")).await;
    assert_eq!(claimed(&store, other).await, ClaimOutcome::DifferentRequest);
}

/// The same key of another tenant or caller is another key.
pub async fn a_key_belongs_to_its_tenant_and_caller(store: Arc<dyn Store>) {
    let first = claim(fresh_tenant(), moment());
    claimed(&store, first).await;
    let mut stranger = claim(first.key.tenant, moment());
    stranger.key.digest = [2; 32];
    for other in [claim(fresh_tenant(), moment()), stranger] {
        assert_eq!(claimed(&store, other).await, ClaimOutcome::Granted(other.reserved));
    }
}

/// After a crashed attempt the next one gets the same reservation, and a late response of the first is not stored.
pub async fn an_attempt_is_taken_over_after_its_lease_with_its_reservation(store: Arc<dyn Store>) {
    let tenant = fresh_tenant();
    let crashed = claim(tenant, moment());
    claimed(&store, crashed).await;
    let early = claim(tenant, after(KeyClaim::LEASE - SECOND));
    assert_eq!(claimed(&store, early).await, ClaimOutcome::InProgress);
    let next = claim(tenant, after(KeyClaim::LEASE));
    let granted = ClaimOutcome::Granted(crashed.reserved);
    assert_eq!(claimed(&store, next).await, granted);
    keep(&store, crashed, answer("late")).await;
    let third = claim(tenant, after(KeyClaim::LEASE + SECOND));
    assert_eq!(claimed(&store, third).await, ClaimOutcome::InProgress);
    keep(&store, next, answer("next")).await;
    let kept = ClaimOutcome::Completed(answer("next"));
    assert_eq!(claimed(&store, third).await, kept);
}

/// A failed attempt releases its key at once; an attempt whose key was claimed again releases nothing.
pub async fn a_released_key_is_taken_over_at_once(store: Arc<dyn Store>) {
    let tenant = fresh_tenant();
    let failed = claim(tenant, moment());
    claimed(&store, failed).await;
    let release = async || {
        let released = store.release_key(failed).await;
        released.expect("the store releases a key");
    };
    release().await;
    let next = claim(tenant, after(SECOND));
    let granted = ClaimOutcome::Granted(failed.reserved);
    assert_eq!(claimed(&store, next).await, granted);
    release().await;
    let third = claim(tenant, after(SECOND));
    assert_eq!(claimed(&store, third).await, ClaimOutcome::InProgress);
}

/// After a day the key is new, for any request.
pub async fn a_key_is_new_after_a_day(store: Arc<dyn Store>) {
    let tenant = fresh_tenant();
    let first = claim(tenant, moment());
    claimed(&store, first).await;
    keep(&store, first, answer("1")).await;
    let next = KeyClaim { request: [2; 32], ..claim(tenant, after(KeyClaim::RETENTION)) };
    assert_eq!(claimed(&store, next).await, ClaimOutcome::Granted(next.reserved));
    let waiting = KeyClaim { attempt: fresh_uuid(), ..next };
    assert_eq!(claimed(&store, waiting).await, ClaimOutcome::InProgress);
}

/// Of many concurrent claims one is granted, also when they take over an attempt.
pub async fn of_many_concurrent_claims_one_is_granted(store: Arc<dyn Store>) {
    let tenant = fresh_tenant();
    for received in [moment(), after(KeyClaim::LEASE), after(KeyClaim::RETENTION)] {
        let claims = (0..16).map(|_| {
            let (store, claim) = (Arc::clone(&store), claim(tenant, received));
            tokio::spawn(async move { claimed(&store, claim).await })
        });
        let claims: Vec<_> = claims.collect();
        let mut granted = 0;
        for claim in claims {
            match claim.await.expect("no claim panics") {
                ClaimOutcome::Granted(_) => granted += 1,
                other => assert_eq!(other, ClaimOutcome::InProgress),
            }
        }
        assert_eq!(granted, 1, "{received}");
    }
}

/// Deletes old keys, the oldest first and at most the given number; younger keys stay.
pub async fn old_keys_are_forgotten_some_at_a_time(store: Arc<dyn Store>) {
    // Long before the keys of every other case.
    let ages = ["0001-01-01T00:00:01Z", "0001-01-01T00:00:02Z", "0001-01-01T00:00:03Z"];
    let tenant = fresh_tenant();
    let claims = ages.map(|age| {
        let mut claim = claim(tenant, crate::fixtures::time(age));
        claim.key.digest = [age.as_bytes()[18]; 32];
        claim
    });
    for claim in claims {
        claimed(&store, claim).await;
    }
    let forget = async |most| {
        let before = claims[2].now();
        let forgotten = store.delete_keys(before, most).await;
        forgotten.expect("the store forgets keys")
    };
    assert_eq!(forget(1).await, 1);
    let again = KeyClaim { attempt: fresh_uuid(), ..claims[1] };
    assert_eq!(claimed(&store, again).await, ClaimOutcome::InProgress);
    assert_eq!((forget(10).await, forget(10).await), (1, 0));
    assert_eq!(claimed(&store, again).await, ClaimOutcome::Granted(again.reserved));
    let youngest = KeyClaim { attempt: fresh_uuid(), ..claims[2] };
    assert_eq!(claimed(&store, youngest).await, ClaimOutcome::InProgress);
    forget(10).await;
}
