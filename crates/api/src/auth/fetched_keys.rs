//! The keys of an issuer that are fetched again: from time to time, and when a token names one that is not known.

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
use crate::observe::chain;

/// Why a key set could not be fetched.
pub type FetchError = Box<dyn Error + Send + Sync>;

/// Fetches the key set of an issuer, as JSON.
pub trait FetchKeys: Send + Sync + 'static {
    /// One attempt. Whoever fetches bounds the bytes; the time is bounded by [`RefreshOptions::timeout`].
    ///
    /// # Errors
    ///
    /// [`FetchError`] for whatever went wrong; it goes to the log.
    fn fetch(&self) -> BoxFuture<'_, Result<Vec<u8>, FetchError>>;
}

/// When keys are fetched.
#[derive(Clone, Copy, Debug)]
pub struct RefreshOptions {
    /// How long after a success they are fetched again. Tokens of a key that the issuer has withdrawn, or of any key once its
    /// set is empty, are accepted for this long at most, those that were verified before included; as long as fetches fail the
    /// known keys stay.
    pub interval: Duration,
    /// How long after an attempt an unknown key may cause the next one. Each failure in a row doubles it, up to a minute.
    pub cooldown: Duration,
    /// How long one attempt may take; a request with an unknown key waits no longer.
    pub timeout: Duration,
    /// How many requests may wait for an attempt; further ones are refused at once, to be sent again.
    pub max_waiting: usize,
}

/// The longest pause between attempts that fail, unless the cool-down is longer still.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

impl RefreshOptions {
    /// The pause after so many failures in a row.
    fn pause(&self, failures: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
        let longest = LONGEST_PAUSE.max(self.cooldown);
        self.cooldown.saturating_mul(doubled).min(longest)
    }
}

/// Fetched keys. One task fetches, so that there is one attempt at a time, until this is dropped.
pub struct FetchedKeys {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    issuer: String,
    options: RefreshOptions,
    keys: ArcSwapOption<KeySet>,
    attempts: watch::Sender<Attempts>,
    wanted: Notify,
    /// A permit for each request that waits.
    waiting: Semaphore,
}

struct Attempts {
    /// An attempt runs, or is about to.
    is_running: bool,
    /// When an unknown key may cause the next attempt.
    next: Instant,
    failures_in_a_row: u32,
}

impl FetchedKeys {
    /// Begins to fetch at once, in a task of the runtime that it is called in; `issuer` is the name for the log.
    pub fn start(issuer: String, fetch: impl FetchKeys, options: RefreshOptions) -> Self {
        let attempts = Attempts {
            is_running: true,
            next: Instant::now(),
            failures_in_a_row: 0,
        };
        let shared = Arc::new(Shared {
            issuer,
            options,
            keys: ArcSwapOption::empty(),
            attempts: watch::Sender::new(attempts),
            wanted: Notify::new(),
            waiting: Semaphore::new(options.max_waiting),
        });
        // An issuer that has never answered shows as one without keys.
        note_usable_keys(&shared.issuer, 0);
        let task = tokio::spawn(Arc::clone(&shared).run(fetch));
        Self { shared, task }
    }

    /// The keys that were fetched last, however long ago.
    pub(super) fn current(&self) -> Option<Arc<KeySet>> {
        self.shared.keys.load_full()
    }

    /// Waits for the attempt that runs, or for a new one when it is time for one; tells whether the last one succeeded. It is
    /// `false` without a wait when [`RefreshOptions::max_waiting`] requests wait already.
    ///
    /// Between two attempts nothing waits: any unknown key is refused by what the last one brought.
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

impl Shared {
    /// Whether it is on the caller to have the next attempt made.
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
            self.attempts
                .send_modify(|attempts| attempts.is_running = true);
            // A panic is a failure like others: the next attempt comes all the same.
            let attempt = AssertUnwindSafe(self.attempt(&fetch, &mut known)).catch_unwind();
            let result = attempt.await.unwrap_or_else(|_| Err("a panic".into()));
            let due = self.finish(&result);
            self.wait(due).await;
        }
    }

    async fn attempt(&self, fetch: &impl FetchKeys, known: &mut Vec<u8>) -> Result<(), FetchError> {
        let json = timeout(self.options.timeout, fetch.fetch()).await??;
        // The same set again retires nothing, so that tokens stay verified.
        if json == *known {
            return Ok(());
        }
        let keys = self.read(&json)?;
        note_usable_keys(&self.issuer, keys.usable_keys());
        if let Some(replaced) = self.keys.swap(Some(Arc::new(keys))) {
            replaced.retire();
        }
        *known = json;
        Ok(())
    }

    /// A set without usable keys is an answer, not a failure: that is how an issuer withdraws its last key.
    fn read(&self, json: &[u8]) -> Result<KeySet, InvalidKeySet> {
        match KeySet::from_jwks(json) {
            Ok(keys) => {
                tracing::info!(
                    issuer = self.issuer,
                    keys = keys.usable_keys(),
                    "the issuer's keys are new"
                );
                Ok(keys)
            }
            Err(InvalidKeySet::Empty { listed }) => {
                tracing::error!(
                    issuer = self.issuer,
                    listed,
                    "the issuer's key set has no usable key: from now on all of its tokens are refused"
                );
                Ok(KeySet::without_keys())
            }
            Err(failure) => Err(failure),
        }
    }

    /// Tells those who wait, and when the next attempt is due.
    fn finish(&self, result: &Result<(), FetchError>) -> Instant {
        let now = Instant::now();
        let mut due = now + self.options.interval;
        if let Err(error) = result {
            let has_keys = self.keys.load().is_some();
            tracing::warn!(
                issuer = self.issuer,
                error = chain(error.as_ref()),
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

    /// Until the next attempt is due or wanted. A wish that came while an attempt ran was fulfilled by it.
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
