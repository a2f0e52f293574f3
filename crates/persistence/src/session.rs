//! A session of one's own: opened when it is needed, and again after it died.

use std::{io, time::Duration};

use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};

use crate::error::session_is_lost;

/// At most one session. A statement is lent the connection and gives it back with its outcome.
pub(crate) struct Session {
    database: PgConnectOptions,
    time_limit: Duration,
    connection: Option<PgConnection>,
}

impl Session {
    /// `time_limit` bounds the wait for an answer on this side: a server that is stopped, or beyond a network that
    /// is cut, times nothing out.
    pub(crate) const fn new(database: PgConnectOptions, time_limit: Duration) -> Self {
        Self {
            database,
            time_limit,
            connection: None,
        }
    }

    /// The connection, opened if there is none.
    pub(crate) async fn lend(&mut self) -> sqlx::Result<PgConnection> {
        match self.connection.take() {
            Some(connection) => Ok(connection),
            None => {
                self.within(PgConnection::connect_with(&self.database))
                    .await
            }
        }
    }

    /// The outcome of a statement, or that it took too long.
    pub(crate) async fn within<T>(
        &self,
        statement: impl Future<Output = sqlx::Result<T>>,
    ) -> sqlx::Result<T> {
        let elapsed = || sqlx::Error::Io(io::ErrorKind::TimedOut.into());
        tokio::time::timeout(self.time_limit, statement)
            .await
            .unwrap_or_else(|_elapsed| Err(elapsed()))
    }

    /// Keeps the connection, unless the outcome says that it is no good any more.
    pub(crate) fn give_back<T>(&mut self, connection: PgConnection, outcome: &sqlx::Result<T>) {
        if !outcome.as_ref().is_err_and(session_is_lost) {
            self.connection = Some(connection);
        }
    }
}
