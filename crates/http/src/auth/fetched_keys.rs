//! The keys of an issuer that are fetched again: at intervals, and when a token names an unknown key.

#[cfg(test)]
mod tests;

use std::{error::Error, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use arc_swap::ArcSwapOption;
use futures_util::{FutureExt as _, future::BoxFuture};
use tokio::{
    sync::{Notify, Semaphore, watch},
    task::JoinHandle,
    time::{Instant, sleep_until, timeout},
};

use super::key_set::{InvalidKeySet, KeySet, note_usable_keys};
use crate::error::error_chain;

/// Why a key set could not be fetched.
pub type FetchError = Box<dyn Error + Send + Sync>;

/// Fetches the key set of an issuer, as JSON.
pub trait FetchKeys: Send + Sync + 'static {
    /// One attempt. The implementation limits the bytes; [`RefreshOptions::timeout`] limits the time.
    ///
    /// # Errors
    ///
    /// [`FetchError`] for any failure; it is logged.
    fn fetch(&self) -> BoxFuture<'_, Result<Vec<u8>, FetchError>>;
}

/// When keys are fetched.
#[derive(Clone, Copy, Debug)]
pub struct RefreshOptions {
    /// The time from a success to the next fetch. Tokens of a key that the issuer has withdrawn, or of any key once its set is
    /// empty, are accepted for this long at most, including tokens that were verified before; while fetches fail the known
    /// keys stay valid.
    pub interval: Duration,
    /// The time from an attempt until an unknown key may cause the next one. Each failure in a row doubles it, up to a minute.
    pub cooldown: Duration,
    /// The longest time of one attempt, and the longest wait of a request with an unknown key.
    pub timeout: Duration,
    /// How many requests may wait for an attempt; further ones are rejected at once with a hint to retry.
    pub max_waiting: usize,
}

/// The longest pause between failed attempts, unless the cooldown is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

impl RefreshOptions {
    /// The pause after this number of failures in a row.
    fn pause(&self, failures: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
        let longest = LONGEST_PAUSE.max(self.cooldown);
        self.cooldown.saturating_mul(doubled).min(longest)
    }
}

/// Fetched keys. Until this is dropped one task fetches them, so that there is one attempt at a time.
pub struct FetchedKeys {
    shared: Arc<SharedKeys>,
    task: JoinHandle<()>,
}

struct SharedKeys {
    issuer: String,
    options: RefreshOptions,
    keys: ArcSwapOption<KeySet>,
    attempts: watch::Sender<Attempts>,
    wanted: Notify,
    /// One permit for each request that waits.
    waiting: Semaphore,
}

struct Attempts {
    /// An attempt is running or due at once.
    is_running: bool,
    /// When an unknown key may cause the next attempt.
    next: Instant,
    failures_in_a_row: u32,
}

impl FetchedKeys {
    /// Begins to fetch at once, in a task of the current runtime; `issuer` is the name in the log and in metrics.
    pub fn start(issuer: String, fetch: impl FetchKeys, options: RefreshOptions) -> Self {
        let attempts = Attempts { is_running: true, next: Instant::now(), failures_in_a_row: 0 };
        let shared = Arc::new(SharedKeys {
            issuer,
            options,
            keys: ArcSwapOption::empty(),
            attempts: watch::Sender::new(attempts),
            wanted: Notify::new(),
            waiting: Semaphore::new(options.max_waiting),
        });
        // An issuer that has never responded shows as one without keys.
        note_usable_keys(&shared.issuer, 0);
        let task = tokio::spawn(Arc::clone(&shared).run(fetch));
        Self { shared, task }
    }

    /// The keys of the last successful fetch, however old they are.
    pub(super) fn current(&self) -> Option<Arc<KeySet>> {
        self.shared.keys.load_full()
    }

    /// Waits for the running attempt, or for a new one if the cooldown is over; returns whether the last attempt succeeded.
    /// Returns `false` without waiting when [`RefreshOptions::max_waiting`] requests wait already.
    ///
    /// During the cooldown nothing waits: an unknown key is rejected because of the result of the last attempt.
    pub(super) async fn refreshed(&self) -> bool {
        let shared = &self.shared;
        let mut attempts = shared.attempts.subscribe();
        if shared.claim() {
            shared.wanted.notify_one();
        }
        let (is_running, failures) = {
            let now = attempts.borrow();
            (now.is_running, now.failures_in_a_row)
        };
        if !is_running {
            return failures == 0;
        }
        let Ok(_permit) = shared.waiting.try_acquire() else {
            return false;
        };
        let finished = attempts.wait_for(|attempts| !attempts.is_running);
        match timeout(shared.options.timeout, finished).await {
            Ok(Ok(attempts)) => attempts.failures_in_a_row == 0,
            Ok(Err(_)) | Err(_) => false,
        }
    }
}

impl Drop for FetchedKeys {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl SharedKeys {
    /// Whether a new attempt is due, which the calling request must then start.
    fn claim(&self) -> bool {
        self.attempts.send_if_modified(|attempts| {
            let is_due = !attempts.is_running && attempts.next <= Instant::now();
            attempts.is_running |= is_due;
            is_due
        })
    }

    async fn run(self: Arc<Self>, fetch: impl FetchKeys) {
        let mut known = Vec::new();
        loop {
            self.attempts.send_modify(|attempts| attempts.is_running = true);
            // A panic counts as a failure: the next attempt follows all the same.
            let attempt = AssertUnwindSafe(self.attempt(&fetch, &mut known)).catch_unwind();
            let result = attempt.await.unwrap_or_else(|_| Err("a panic".into()));
            let due = self.finish(&result);
            self.wait(due).await;
        }
    }

    async fn attempt(&self, fetch: &impl FetchKeys, known: &mut Vec<u8>) -> Result<(), FetchError> {
        let json = timeout(self.options.timeout, fetch.fetch()).await??;
        // An unchanged set revokes nothing, so that tokens stay verified.
        if json == *known {
            return Ok(());
        }
        let keys = self.read(&json)?;
        note_usable_keys(&self.issuer, keys.usable_keys());
        if let Some(replaced) = self.keys.swap(Some(Arc::new(keys))) {
            replaced.revoke();
        }
        *known = json;
        Ok(())
    }

    /// A set without usable keys is valid, not a failure: that is how an issuer withdraws its last key.
    fn read(&self, json: &[u8]) -> Result<KeySet, InvalidKeySet> {
        match KeySet::from_jwks(json) {
            Ok(keys) => {
                tracing::info!(
                    issuer = self.issuer,
                    keys = keys.usable_keys(),
                    "the issuer's keys have changed"
                );
                Ok(keys)
            }
            Err(InvalidKeySet::Empty { listed }) => {
                tracing::error!(
                    issuer = self.issuer,
                    listed,
                    "the issuer's key set has no usable key: from now on all of its tokens are rejected"
                );
                Ok(KeySet::without_keys())
            }
            Err(failure) => Err(failure),
        }
    }

    /// Wakes the waiting requests, and returns when the next attempt is due.
    fn finish(&self, result: &Result<(), FetchError>) -> Instant {
        let now = Instant::now();
        let mut due = now + self.options.interval;
        if let Err(error) = result {
            let has_keys = self.keys.load().is_some();
            tracing::warn!(
                issuer = self.issuer,
                error = error_chain(error.as_ref()),
                has_keys,
                "the issuer's keys cannot be fetched"
            );
        }
        self.attempts.send_modify(|attempts| {
            attempts.is_running = false;
            attempts.failures_in_a_row = match result {
                Ok(()) => 0,
                Err(_) => attempts.failures_in_a_row.saturating_add(1),
            };
            attempts.next = now + self.options.pause(attempts.failures_in_a_row);
            if result.is_err() {
                due = attempts.next;
            }
        });
        due
    }

    /// Waits until the next attempt is due or wanted. A notification that came during an attempt is ignored: that attempt
    /// has served it.
    async fn wait(&self, due: Instant) {
        loop {
            tokio::select! {
                () = sleep_until(due) => return,
                () = self.wanted.notified() => {
                    if self.attempts.borrow().is_running {
                        return;
                    }
                }
            }
        }
    }
}
