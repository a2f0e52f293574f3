//! The connections that requests share.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use sqlx::{
    PgPool, Postgres,
    postgres::{PgArguments, PgQueryResult},
    query::Query,
};

use crate::error::is_read_only;

/// The pool is replaced at most once in this time. Otherwise each write to a standby would close the connections of its
/// readers.
const REPLACE_EVERY: Duration = Duration::from_secs(1);

/// A pool whose connections are replaced when their server rejects writes.
#[derive(Clone)]
pub(crate) struct Pool {
    connections: PgPool,
    read_only: ReadOnlyDetection,
}

/// When a connection was last found to be read-only. Connections that were opened earlier are not used any more: after a
/// failover behind one address they may lead to the former primary.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReadOnlyDetection(Arc<Mutex<Option<Instant>>>);

impl Pool {
    pub(crate) const fn new(connections: PgPool, read_only: ReadOnlyDetection) -> Self {
        Self { connections, read_only }
    }

    /// The connections, for reads.
    pub(crate) const fn connections(&self) -> &PgPool {
        &self.connections
    }

    /// Runs a statement that writes.
    pub(crate) async fn execute(
        &self,
        statement: Query<'_, Postgres, PgArguments>,
    ) -> sqlx::Result<PgQueryResult> {
        let mut connection = self.connections.acquire().await?;
        let done = statement.execute(&mut *connection).await;
        if done.as_ref().is_err_and(is_read_only) {
            self.read_only.record();
            connection.close_on_drop();
        }
        done
    }
}

impl ReadOnlyDetection {
    fn record(&self) {
        let mut detected = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if detected.is_none_or(|detected| detected.elapsed() > REPLACE_EVERY) {
            *detected = Some(Instant::now());
        }
    }

    /// Whether a connection of this age was opened after the detection.
    pub(crate) fn is_newer(&self, age: Duration) -> bool {
        let detected = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        detected.is_none_or(|detected| age < detected.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_from_before_the_detection_are_replaced_and_later_ones_are_kept() {
        let detection = ReadOnlyDetection::default();
        assert!(detection.is_newer(Duration::MAX));
        detection.record();
        assert!(!detection.is_newer(Duration::from_secs(60)));
        assert!(detection.is_newer(Duration::ZERO));
    }

    #[test]
    fn a_second_detection_shortly_after_the_first_replaces_no_connection() {
        let detection = ReadOnlyDetection::default();
        detection.record();
        let first = *detection.0.lock().unwrap();
        detection.record();
        assert_eq!(*detection.0.lock().unwrap(), first);
    }
}
