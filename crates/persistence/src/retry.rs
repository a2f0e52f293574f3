//! Retries of a unit of work, bounded in time.

use std::time::{Duration, Instant};

use flowruns_domain::{StoreError, StoreErrorKind};

use crate::error::{is_transient, store_error};

const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

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
        if !is_transient(&error) || Instant::now() + self.pause > self.end {
            return Err(store_error(error));
        }
        tracing::debug!(unit, error = %error, "another attempt");
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
