//! Retries of a unit of work, bounded in time.

use std::{
    mem,
    time::{Duration, Instant},
};

use flowruns_domain::store::{StoreError, StoreErrorKind};

use crate::{
    error::{connection_is_lost, is_read_only, is_transient, store_error},
    meter,
    pool::Pool,
};

/// All connections of a pool may have failed at once. This number of them is replaced without a pause.
const FAILED_CONNECTIONS: u32 = 32;
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// Repeats a read after transient failures, within `retry_for`. A broken connection is never reported to the caller while
/// time is left to retry. `unit` is the label of the metric that counts the repetitions.
pub(crate) async fn read<T, F>(
    pool: &Pool,
    retry_for: Duration,
    unit: &'static str,
    mut attempt: impl FnMut() -> F,
) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let mut budget = RetryBudget::new(pool, retry_for);
    loop {
        match attempt().await {
            Err(error) => budget.retry_read_after(error, unit).await?,
            read => return read,
        }
    }
}

/// Exponential pauses between attempts, from 10 ms to 250 ms.
#[derive(Debug)]
pub(crate) struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Self(FIRST_PAUSE)
    }
}

impl Backoff {
    pub(crate) async fn pause(&mut self) {
        tokio::time::sleep(self.0).await;
        self.0 = LONGEST_PAUSE.min(self.0 * 2);
    }
}

/// The time for a unit of work and its repetitions.
pub(crate) struct RetryBudget<'a> {
    pool: &'a Pool,
    end: Instant,
    backoff: Backoff,
    failed_connections: u32,
    /// A connection turned out to be read-only.
    was_read_only: bool,
}

impl<'a> RetryBudget<'a> {
    /// For statements on connections of the pool.
    pub(crate) fn new(pool: &'a Pool, retry_for: Duration) -> Self {
        Self {
            pool,
            end: Instant::now() + retry_for,
            backoff: Backoff::default(),
            failed_connections: 0,
            was_read_only: false,
        }
    }

    /// Pauses before another attempt.
    ///
    /// # Errors
    ///
    /// The failure, if another attempt would not succeed or the time is up.
    pub(crate) async fn retry_after(
        &mut self,
        error: sqlx::Error,
        unit: &'static str,
    ) -> Result<(), StoreError> {
        self.retry_read_after(store_error(error), unit).await
    }

    /// As [`retry_after`](Self::retry_after), for a [`StoreError`].
    pub(crate) async fn retry_read_after(
        &mut self,
        error: StoreError,
        unit: &'static str,
    ) -> Result<(), StoreError> {
        let source = error.source.as_ref().and_then(|source| source.downcast_ref::<sqlx::Error>());
        // Each of several migrations can make the statements of the connections outdated.
        let is_outdated = source.is_some_and(|source| self.pool.replace_outdated(source));
        let may_succeed = is_outdated || source.is_some_and(is_transient);
        if source.is_some_and(is_read_only) {
            // Either the next connection leads to the new primary, or none does yet.
            if mem::replace(&mut self.was_read_only, true) {
                return Err(error);
            }
            meter::read_retried(unit);
            return Ok(());
        }
        let is_lost = !is_outdated && source.is_some_and(connection_is_lost);
        if is_lost && self.failed_connections < FAILED_CONNECTIONS {
            self.failed_connections += 1;
            meter::read_retried(unit);
            return Ok(());
        }
        self.pause_after(may_succeed, error, unit).await
    }

    async fn pause_after(
        &mut self,
        may_succeed: bool,
        error: StoreError,
        unit: &'static str,
    ) -> Result<(), StoreError> {
        if !may_succeed || Instant::now() + self.backoff.0 > self.end {
            return Err(error);
        }
        meter::read_retried(unit);
        tracing::debug!(
            unit,
            error = error.source.as_ref().map(tracing::field::display),
            "another attempt"
        );
        self.backoff.pause().await;
        Ok(())
    }

    /// Allows another attempt after a lost race.
    ///
    /// # Errors
    ///
    /// [`StoreErrorKind::Contention`] if the time is up.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        if Instant::now() > self.end {
            return Err(StoreError { kind: StoreErrorKind::Contention, source: None });
        }
        Ok(())
    }
}
