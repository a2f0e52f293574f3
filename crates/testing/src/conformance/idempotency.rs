//! Idempotency keys: one claim is granted, its answer is kept, and nothing is stuck.

use std::{sync::Arc, time::Duration};

use flowruns_domain::{
    Claimed, IdempotencyKey, KeptAnswer, KeyClaim, Reserved, Store, TenantId, Timestamp,
};

use crate::fixtures::{fresh_tenant, fresh_uuid, moment};

const SECOND: Duration = Duration::from_secs(1);

fn after(pause: Duration) -> Timestamp {
    Timestamp::new(moment().date_time() + pause).expect("a case ends before the year 9999")
}

/// An attempt of key 1 with request 1.
fn claim(tenant: TenantId, received: Timestamp) -> KeyClaim {
    KeyClaim {
        key: IdempotencyKey {
            tenant,
            digest: [1; 32],
        },
        request: [1; 32],
        attempt: fresh_uuid(),
        reserved: Reserved {
            id: fresh_uuid(),
            received,
        },
    }
}

fn answer(body: &str) -> KeptAnswer {
    KeptAnswer {
        status: 201,
        headers: vec![
            ("location".to_owned(), "http://localhost/1".to_owned()),
            ("etag".to_owned(), "W/\"1\"".to_owned()),
        ],
        body: body.as_bytes().to_vec(),
    }
}

async fn claimed(store: &Arc<dyn Store>, claim: KeyClaim) -> Claimed {
    let claimed = store.claim_key(claim).await;
    claimed.expect("the store takes a claim")
}

async fn keep(store: &Arc<dyn Store>, claim: KeyClaim, answer: KeptAnswer) {
    let kept = store.keep_answer(claim, answer).await;
    kept.expect("the store keeps an answer");
}

/// The first claim is granted what it reserves; meanwhile others wait, and its answer is given to all after it.
pub async fn the_answer_of_the_first_claim_is_given_again(store: Arc<dyn Store>) {
    let tenant = fresh_tenant();
    let first = claim(tenant, moment());
    assert_eq!(
        claimed(&store, first).await,
        Claimed::Granted(first.reserved)
    );
    let second = claim(tenant, after(SECOND));
    assert_eq!(claimed(&store, second).await, Claimed::UnderWay);
    keep(&store, first, answer("\u{0}\u{1F600}")).await;
    let kept = Claimed::Answered(answer("\u{0}\u{1F600}"));
    assert_eq!(claimed(&store, second).await, kept);
    let late = claim(tenant, after(KeyClaim::KEPT_FOR - SECOND));
    assert_eq!(claimed(&store, late).await, kept);
}

/// A claim whose answer was lost on the way finds itself.
pub async fn a_claim_that_is_made_again_is_granted_again(store: Arc<dyn Store>) {
    let first = claim(fresh_tenant(), moment());
    for _ in 0..2 {
        assert_eq!(
            claimed(&store, first).await,
            Claimed::Granted(first.reserved)
        );
    }
}

/// Another route or body is another request, whether or not there is an answer.
pub async fn a_key_of_another_request_is_told(store: Arc<dyn Store>) {
    let tenant = fresh_tenant();
    let first = claim(tenant, moment());
    claimed(&store, first).await;
    let other = KeyClaim {
        request: [2; 32],
        ..claim(tenant, moment())
    };
    assert_eq!(claimed(&store, other).await, Claimed::OtherRequest);
    keep(&store, first, answer("1")).await;
    assert_eq!(claimed(&store, other).await, Claimed::OtherRequest);
}

/// Keys of other tenants and callers are others.
pub async fn a_key_belongs_to_its_tenant_and_caller(store: Arc<dyn Store>) {
    let first = claim(fresh_tenant(), moment());
    claimed(&store, first).await;
    let mut stranger = claim(first.key.tenant, moment());
    stranger.key.digest = [2; 32];
    for other in [claim(fresh_tenant(), moment()), stranger] {
        assert_eq!(
            claimed(&store, other).await,
            Claimed::Granted(other.reserved)
        );
    }
}

/// An attempt that crashed is followed by one that creates the same, and its own late answer is not kept.
pub async fn after_its_lease_an_attempt_is_taken_over_with_what_it_reserved(store: Arc<dyn Store>) {
    let tenant = fresh_tenant();
    let crashed = claim(tenant, moment());
    claimed(&store, crashed).await;
    let early = claim(tenant, after(KeyClaim::LEASE - SECOND));
    assert_eq!(claimed(&store, early).await, Claimed::UnderWay);
    let next = claim(tenant, after(KeyClaim::LEASE));
    let granted = Claimed::Granted(crashed.reserved);
    assert_eq!(claimed(&store, next).await, granted);
    keep(&store, crashed, answer("late")).await;
    let third = claim(tenant, after(KeyClaim::LEASE + SECOND));
    assert_eq!(claimed(&store, third).await, Claimed::UnderWay);
    keep(&store, next, answer("next")).await;
    let kept = Claimed::Answered(answer("next"));
    assert_eq!(claimed(&store, third).await, kept);
}

/// An attempt that failed lets the next one go on at once; one that was taken over releases nothing.
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
    let granted = Claimed::Granted(failed.reserved);
    assert_eq!(claimed(&store, next).await, granted);
    release().await;
    let third = claim(tenant, after(SECOND));
    assert_eq!(claimed(&store, third).await, Claimed::UnderWay);
}

/// After a day the key is new, for any request.
pub async fn a_key_is_new_after_a_day(store: Arc<dyn Store>) {
    let tenant = fresh_tenant();
    let first = claim(tenant, moment());
    claimed(&store, first).await;
    keep(&store, first, answer("1")).await;
    let next = KeyClaim {
        request: [2; 32],
        ..claim(tenant, after(KeyClaim::KEPT_FOR))
    };
    assert_eq!(claimed(&store, next).await, Claimed::Granted(next.reserved));
    let waiting = KeyClaim {
        attempt: fresh_uuid(),
        ..next
    };
    assert_eq!(claimed(&store, waiting).await, Claimed::UnderWay);
}

/// Of many claims at once one is granted, also of those that take over.
pub async fn of_many_claims_at_once_one_is_granted(store: Arc<dyn Store>) {
    let tenant = fresh_tenant();
    for received in [moment(), after(KeyClaim::LEASE), after(KeyClaim::KEPT_FOR)] {
        let claims = (0..16).map(|_| {
            let (store, claim) = (Arc::clone(&store), claim(tenant, received));
            tokio::spawn(async move { claimed(&store, claim).await })
        });
        let claims: Vec<_> = claims.collect();
        let mut granted = 0;
        for claim in claims {
            match claim.await.expect("no claim panics") {
                Claimed::Granted(_) => granted += 1,
                other => assert_eq!(other, Claimed::UnderWay),
            }
        }
        assert_eq!(granted, 1, "{received}");
    }
}

/// Old keys go, the oldest first and no more than asked for; younger ones stay.
pub async fn old_keys_are_forgotten_some_at_a_time(store: Arc<dyn Store>) {
    // Long before the keys of every other case.
    let ages = [
        "0001-01-01T00:00:01Z",
        "0001-01-01T00:00:02Z",
        "0001-01-01T00:00:03Z",
    ];
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
        let forgotten = store.forget_keys(before, most).await;
        forgotten.expect("the store forgets keys")
    };
    assert_eq!(forget(1).await, 1);
    let again = KeyClaim {
        attempt: fresh_uuid(),
        ..claims[1]
    };
    assert_eq!(claimed(&store, again).await, Claimed::UnderWay);
    assert_eq!((forget(10).await, forget(10).await), (1, 0));
    assert_eq!(
        claimed(&store, again).await,
        Claimed::Granted(again.reserved)
    );
    let youngest = KeyClaim {
        attempt: fresh_uuid(),
        ..claims[2]
    };
    assert_eq!(claimed(&store, youngest).await, Claimed::UnderWay);
    forget(10).await;
}
