//! Retries of a unit of work, bounded in time.

use std::{
    mem,
    time::{Duration, Instant},
};

use flowruns_domain::{StoreError, StoreErrorKind};

use crate::{
    error::{is_read_only, is_transient, connection_is_lost, store_error},
    meter,
};

/// The sessions of a pool may all have died at once: so many dead ones are passed over without a pause.
const DEAD_SESSIONS: u32 = 32;
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// Repeats a read after transient failures, within `retry_for`: a session that died is nobody's answer.
pub(crate) async fn read<T, F>(
    retry_for: Duration,
    unit: &'static str,
    mut attempt: impl FnMut() -> F,
) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let mut budget = RetryBudget::new(retry_for);
    loop {
        match attempt().await {
            Err(error) => budget.retry_read_after(error, unit).await?,
            read => return read,
        }
    }
}

/// Pauses between attempts: each twice as long as the one before, up to a bound.
#[derive(Debug)]
pub(crate) struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Self(FIRST_PAUSE)
    }
}

impl Backoff {
    /// Pauses.
    pub(crate) async fn next(&mut self) {
        tokio::time::sleep(self.0).await;
        self.0 = LONGEST_PAUSE.min(self.0 * 2);
    }
}

/// What is left of the time for a unit of work.
pub(crate) struct RetryBudget {
    end: Instant,
    pause: Backoff,
    dead_sessions: u32,
    /// Whether a session turned out to be read-only.
    was_read_only: bool,
}

impl RetryBudget {
    pub(crate) fn new(retry_for: Duration) -> Self {
        Self {
            end: Instant::now() + retry_for,
            pause: Backoff::default(),
            dead_sessions: 0,
            was_read_only: false,
        }
    }

    /// Pauses before another attempt, unless the failure is final or the time is up.
    pub(crate) async fn retry_after(
        &mut self,
        error: sqlx::Error,
        unit: &'static str,
    ) -> Result<(), StoreError> {
        self.retry_read_after(store_error(error), unit).await
    }

    /// As [`retry_after`](Self::retry_after), for a failure that is a [`StoreError`] already.
    pub(crate) async fn retry_read_after(
        &mut self,
        error: StoreError,
        unit: &'static str,
    ) -> Result<(), StoreError> {
        let source = error
            .source
            .as_ref()
            .and_then(|source| source.downcast_ref::<sqlx::Error>());
        let may_succeed = source.is_some_and(is_transient);
        if source.is_some_and(is_read_only) {
            // The next session leads to the new primary, or no session does now.
            if mem::replace(&mut self.was_read_only, true) {
                return Err(error);
            }
            meter::read_retried(unit);
            return Ok(());
        }
        if source.is_some_and(connection_is_lost) && self.dead_sessions < DEAD_SESSIONS {
            self.dead_sessions += 1;
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
        if !may_succeed || Instant::now() + self.pause.0 > self.end {
            return Err(error);
        }
        meter::read_retried(unit);
        tracing::debug!(
            unit,
            error = error.source.as_ref().map(tracing::field::display),
            "another attempt"
        );
        self.pause.next().await;
        Ok(())
    }

    /// Goes on after a lost race, unless the time is up.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        if Instant::now() > self.end {
            return Err(StoreError {
                kind: StoreErrorKind::Contention,
                source: None,
            });
        }
        Ok(())
    }
}
