//! The connections that requests share.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use sqlx::{
    PgPool, Postgres,
    postgres::{PgArguments, PgQueryResult},
    query::Query,
};

use crate::error::{has_outdated_statements, is_read_only};

/// The connections are replaced at most once in this time. Otherwise each write to a standby would close the connections of its
/// readers, and a statement that a server refuses for another reason all of them, again and again.
const REPLACE_EVERY: Duration = Duration::from_secs(1);

/// A pool whose connections are replaced when their server rejects writes, or their statements are outdated.
#[derive(Clone)]
pub(crate) struct Pool {
    connections: PgPool,
    replacement: PoolReplacement,
}

/// When all connections were last found to need replacement. Those that were opened earlier are not used any more: after a
/// failover behind one address they may lead to the former primary, and after a migration have prepared statements of other types.
#[derive(Clone, Debug, Default)]
pub(crate) struct PoolReplacement(Arc<Mutex<Option<Instant>>>);

impl Pool {
    pub(crate) const fn new(connections: PgPool, replacement: PoolReplacement) -> Self {
        Self { connections, replacement }
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
            self.replacement.record();
            connection.close_on_drop();
        }
        done
    }

    /// Replaces all connections if this error shows that their statements are outdated, and they were not just replaced.
    /// Returns whether it does.
    pub(crate) fn replace_outdated(&self, error: &sqlx::Error) -> bool {
        let is_outdated = has_outdated_statements(error);
        if is_outdated {
            self.replacement.record();
        }
        is_outdated
    }
}

impl PoolReplacement {
    fn record(&self) {
        let mut detected = self.detected();
        if detected.is_none_or(|detected| detected.elapsed() > REPLACE_EVERY) {
            *detected = Some(Instant::now());
        }
    }

    /// Whether a connection of this age was opened after the detection.
    pub(crate) fn is_newer(&self, age: Duration) -> bool {
        self.detected().is_none_or(|detected| age < detected.elapsed())
    }

    fn detected(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_from_before_the_detection_are_replaced_and_later_ones_are_kept() {
        let detection = PoolReplacement::default();
        assert!(detection.is_newer(Duration::MAX));
        detection.record();
        assert!(!detection.is_newer(Duration::from_secs(60)));
        assert!(detection.is_newer(Duration::ZERO));
    }

    #[test]
    fn a_second_detection_shortly_after_the_first_replaces_no_connection() {
        let detection = PoolReplacement::default();
        detection.record();
        let first = *detection.0.lock().unwrap();
        detection.record();
        assert_eq!(*detection.0.lock().unwrap(), first);
    }
}
