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

/// A server that takes no writes is suspected of having taken them before at most once in this time, so that writes
/// to a standby do not close the connections of its readers again and again.
const MARK_EVERY: Duration = Duration::from_secs(1);

/// A pool whose connections are replaced when their server takes no writes any more.
#[derive(Clone)]
pub(crate) struct Pool {
    connections: PgPool,
    read_only: ReadOnlyDetection,
}

/// When a connection was seen to be read-only. Those that were opened before are not used any more: after a failover
/// behind one address they may lead to the former primary.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReadOnlyDetection(Arc<Mutex<Option<Instant>>>);

impl Pool {
    pub(crate) const fn new(connections: PgPool, read_only: ReadOnlyDetection) -> Self {
        Self {
            connections,
            read_only,
        }
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
            self.read_only.set();
            connection.close_on_drop();
        }
        done
    }
}

impl ReadOnlyDetection {
    fn set(&self) {
        let mut mark = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if mark.is_none_or(|mark| mark.elapsed() > MARK_EVERY) {
            *mark = Some(Instant::now());
        }
    }

    /// Whether a connection of this age was opened after the mark.
    pub(crate) fn is_newer(&self, age: Duration) -> bool {
        let mark = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        mark.is_none_or(|mark| age < mark.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_from_before_the_mark_are_replaced_and_later_ones_are_kept() {
        let mark = ReadOnlyDetection::default();
        assert!(mark.is_newer(Duration::MAX));
        mark.set();
        assert!(!mark.is_newer(Duration::from_secs(60)));
        assert!(mark.is_newer(Duration::ZERO));
    }

    #[test]
    fn a_mark_stands_for_a_while_although_more_connections_turn_out_to_be_read_only() {
        let mark = ReadOnlyDetection::default();
        mark.set();
        let first = *mark.0.lock().unwrap();
        mark.set();
        assert_eq!(*mark.0.lock().unwrap(), first);
    }
}
