//! Retries of a unit of work, bounded in time.

use std::time::{Duration, Instant};

use flowruns_domain::{StoreError, StoreErrorKind};

use crate::error::{is_transient, store_error};

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
    let mut budget = Budget::new(retry_for);
    loop {
        match attempt().await {
            Err(error) => budget.retry_read_after(error, unit).await?,
            read => return read,
        }
    }
}

/// What is left of the time for a unit of work.
pub(crate) struct Budget {
    end: Instant,
    pause: Duration,
}

impl Budget {
    pub(crate) fn new(retry_for: Duration) -> Self {
        Self {
            end: Instant::now() + retry_for,
            pause: FIRST_PAUSE,
        }
    }

    /// Pauses before another attempt, unless the failure is final or the time is up.
    pub(crate) async fn retry_after(
        &mut self,
        error: sqlx::Error,
        unit: &'static str,
    ) -> Result<(), StoreError> {
        let may_succeed = is_transient(&error);
        self.pause_after(may_succeed, store_error(error), unit)
            .await
    }

    async fn retry_read_after(
        &mut self,
        error: StoreError,
        unit: &'static str,
    ) -> Result<(), StoreError> {
        let source = error
            .source
            .as_ref()
            .and_then(|source| source.downcast_ref::<sqlx::Error>());
        let may_succeed = source.is_some_and(is_transient);
        self.pause_after(may_succeed, error, unit).await
    }

    async fn pause_after(
        &mut self,
        may_succeed: bool,
        error: StoreError,
        unit: &'static str,
    ) -> Result<(), StoreError> {
        if !may_succeed || Instant::now() + self.pause > self.end {
            return Err(error);
        }
        tracing::debug!(
            unit,
            error = error.source.as_ref().map(tracing::field::display),
            "another attempt"
        );
        tokio::time::sleep(self.pause).await;
        self.pause = LONGEST_PAUSE.min(self.pause * 2);
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
