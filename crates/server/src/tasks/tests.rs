//! How tasks are run, and the purge of idempotency keys on PostgreSQL.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use flowruns_domain::{
    clock::{Clock, SystemClock},
    idempotency::{IdempotencyKey, KeyClaim, Reserved},
    store::IdempotencyStore as _,
    timestamp::Timestamp,
};
use flowruns_testing::{fixtures::fresh_tenant, scratch::ScratchDatabase};
use tokio::time::timeout;
use uuid::Uuid;

use super::*;

/// Far longer than the tests take: a test that hangs fails.
const TEST_TIMEOUT: Duration = Duration::from_secs(60);

/// Does what its script says, one step a run, and succeeds when the script has ended.
struct Scripted {
    steps: Arc<Mutex<Vec<Step>>>,
    successes: Arc<AtomicUsize>,
}

enum Step {
    Fail,
    Panic,
}

impl PeriodicTask for Scripted {
    const NAME: &'static str = "scripted";

    fn interval(&self) -> Duration {
        Duration::from_millis(1)
    }

    async fn run(&mut self) -> anyhow::Result<()> {
        let step = self.steps.lock().unwrap().pop();
        match step {
            Some(Step::Fail) => anyhow::bail!("the script says so"),
            Some(Step::Panic) => panic!("the script says so"),
            None => self.successes.fetch_add(1, Ordering::Relaxed),
        };
        Ok(())
    }
}

async fn until(condition: impl Fn() -> bool) {
    let reached = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    timeout(TEST_TIMEOUT, reached).await.unwrap();
}

#[tokio::test]
async fn a_task_that_fails_or_panics_is_run_again_and_ends_at_the_stop() {
    let successes = Arc::new(AtomicUsize::new(0));
    let mut tasks = BackgroundTasks::new();
    tasks.start(Scripted {
        steps: Arc::new(Mutex::new(vec![Step::Fail, Step::Panic, Step::Fail])),
        successes: Arc::clone(&successes),
    });
    until(|| successes.load(Ordering::Relaxed) >= 2).await;
    timeout(TEST_TIMEOUT, tasks.stop()).await.unwrap();
    let at_the_stop = successes.load(Ordering::Relaxed);
    tokio::task::yield_now().await;
    assert_eq!(successes.load(Ordering::Relaxed), at_the_stop);
}

#[test]
fn the_pause_doubles_with_each_panic_up_to_a_minute() {
    let pauses = [0, 1, 5, 6, 40].map(|panics| backoff(panics).as_secs());
    assert_eq!(pauses, [1, 2, 32, 60, 60]);
}

fn claim(digest: u8, received: Timestamp) -> KeyClaim {
    KeyClaim {
        key: IdempotencyKey { tenant: fresh_tenant(), digest: [digest; 32] },
        request: [1; 32],
        attempt: Uuid::from_u128(1),
        reserved: Reserved { id: Uuid::from_u128(2), received },
    }
}

#[tokio::test]
async fn two_purges_at_once_delete_every_old_key_and_keep_the_others() {
    let store = ScratchDatabase::create().await.store().await;
    let now = SystemClock.now();
    let old = now.date_time() - KeyClaim::RETENTION - Duration::from_secs(1);
    let old = Timestamp::new(old).unwrap();
    for digest in 0..20 {
        store.claim_key(claim(digest, old)).await.unwrap();
    }
    let recent = claim(21, now);
    store.claim_key(recent).await.unwrap();

    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mut first = KeyPurge::new(store.clone(), Arc::clone(&clock));
    let mut second = KeyPurge::new(store.clone(), clock);
    let (first, second) = tokio::join!(first.run(), second.run());
    first.unwrap();
    second.unwrap();

    let end_of_time = Timestamp::new(now.date_time() + KeyClaim::RETENTION).unwrap();
    assert_eq!(store.delete_keys(end_of_time, 1000).await.unwrap(), 1);
}
