//! Connections: the settings of each session, and the connections that the writer's tasks do not share.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::error::{connection_is_lost, has_outdated_statements, is_read_only};

/// A commit is acknowledged after it was flushed, whatever the server, the database or the role is set to. A setting of
/// the session takes precedence over later changes of those. `remote_apply` demands more, and is kept.
pub(crate) const WAIT_FOR_FLUSH: &str = "
    SELECT set_config('synchronous_commit',
        CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false)";

/// How often the server checks whether the client of a running statement is still connected. If it is not, the server
/// cancels the statement.
pub(crate) const CHECK_CLIENT: &str = "SET client_connection_check_interval = '500ms'";

pub(crate) const IS_READ_ONLY: &str = "SELECT current_setting('transaction_read_only')::boolean";

/// Makes the commits of this session wait until they are flushed.
pub(crate) async fn wait_for_flush(connection: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::raw_sql(WAIT_FOR_FLUSH).execute(connection).await.map(drop)
}

/// Makes the settings that the startup packet cannot make. Every session of a store begins with this.
pub(crate) async fn prepare(connection: &mut PgConnection) -> sqlx::Result<()> {
    wait_for_flush(connection).await?;
    let check = sqlx::raw_sql(CHECK_CLIENT).execute(connection).await;
    match check {
        // Some operating systems cannot detect closed connections, and their servers reject the setting.
        Err(error) if error.as_database_error().is_some() && !connection_is_lost(&error) => {
            tracing::debug!(%error, "statements of clients that left are not cancelled");
            Ok(())
        }
        other => other.map(drop),
    }
}

/// The number of connections that a group of connections has lost. Two connections of one generation lead to the same
/// server. After a restore or a failover, what was read in one generation may not exist in the next.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConnectionGeneration(Arc<AtomicU64>);

impl ConnectionGeneration {
    pub(crate) fn current(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    fn end(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A dedicated connection, opened lazily, and reopened after it or another connection of its generation has failed. Clones
/// share it.
#[derive(Clone)]
pub(crate) struct DedicatedConnection {
    shared: Arc<SharedConnection>,
}

struct SharedConnection {
    purpose: &'static str,
    database: PgConnectOptions,
    time_limit: Duration,
    generation: ConnectionGeneration,
    /// The last attempt to open it succeeded, and it has not failed since.
    is_open: AtomicBool,
    slot: Arc<Mutex<Option<Opened>>>,
}

struct Opened {
    connection: PgConnection,
    generation: u64,
}

/// Exclusive use of a dedicated connection, for one or several statements. The connection is closed unless it is released:
/// an abandoned statement may still run on it.
pub(crate) struct ConnectionLease {
    shared: Arc<SharedConnection>,
    slot: OwnedMutexGuard<Option<Opened>>,
    opened: Option<Opened>,
    is_new: bool,
}

impl DedicatedConnection {
    /// `time_limit` bounds the wait for a response on this side, since a server that is stopped, or cut off from the
    /// network, applies no time limit of its own. `purpose` completes "a session to …".
    pub(crate) fn new(
        purpose: &'static str,
        database: PgConnectOptions,
        time_limit: Duration,
        generation: ConnectionGeneration,
    ) -> Self {
        Self {
            shared: Arc::new(SharedConnection {
                purpose,
                database,
                time_limit,
                generation,
                is_open: AtomicBool::new(false),
                slot: Arc::default(),
            }),
        }
    }

    pub(crate) fn purpose(&self) -> &'static str {
        self.shared.purpose
    }

    /// The current generation.
    pub(crate) fn generation(&self) -> u64 {
        self.shared.generation.current()
    }

    /// Waits for exclusive use, and opens the connection if it is not of the current generation.
    pub(crate) async fn lease(&self) -> sqlx::Result<ConnectionLease> {
        let slot = Arc::clone(&self.shared.slot).lock_owned().await;
        self.lease_from(slot).await
    }

    async fn lease_from(
        &self,
        mut slot: OwnedMutexGuard<Option<Opened>>,
    ) -> sqlx::Result<ConnectionLease> {
        let generation = self.generation();
        let kept = slot.take();
        let kept = kept.filter(|opened| opened.generation == generation);
        let is_new = kept.is_none();
        let opened = match kept {
            Some(opened) => opened,
            None => self.open(generation).await?,
        };
        Ok(ConnectionLease { shared: Arc::clone(&self.shared), slot, opened: Some(opened), is_new })
    }

    async fn open(&self, generation: u64) -> sqlx::Result<Opened> {
        let shared = &self.shared;
        shared.is_open.store(false, Ordering::SeqCst);
        let opening = async {
            let mut connection = PgConnection::connect_with(&shared.database).await?;
            prepare(&mut connection).await?;
            Ok(connection)
        };
        let connection = self.within(opening).await?;
        shared.is_open.store(true, Ordering::SeqCst);
        Ok(Opened { connection, generation })
    }

    /// Waits for a statement, at most for the time limit.
    pub(crate) async fn within<T>(
        &self,
        statement: impl Future<Output = sqlx::Result<T>>,
    ) -> sqlx::Result<T> {
        let elapsed = || sqlx::Error::Io(io::ErrorKind::TimedOut.into());
        tokio::time::timeout(self.shared.time_limit, statement)
            .await
            .unwrap_or_else(|_elapsed| Err(elapsed()))
    }

    /// Whether it can write now. An idle connection is tested with a statement, and reopened once if it fails.
    pub(crate) async fn check(&self) -> sqlx::Result<WriteAccess> {
        let slot = match Arc::clone(&self.shared.slot).try_lock_owned() {
            Ok(slot) => slot,
            // A statement runs on it, and its outcome will show whether the connection works.
            Err(_in_use) if self.shared.is_open.load(Ordering::SeqCst) => {
                return Ok(WriteAccess::Writable);
            }
            Err(_being_opened) => Arc::clone(&self.shared.slot).lock_owned().await,
        };
        let lease = self.lease_from(slot).await?;
        let is_new = lease.is_new;
        match self.test(lease).await {
            Ok(WriteAccess::Writable) => Ok(WriteAccess::Writable),
            tested if is_new => tested,
            // It broke while it was idle, or its server rejects writes now.
            _lost => self.test(self.lease().await?).await,
        }
    }

    async fn test(&self, mut lease: ConnectionLease) -> sqlx::Result<WriteAccess> {
        let query = sqlx::query_scalar(IS_READ_ONLY);
        let is_read_only = self.within(query.fetch_one(lease.connection()?)).await?;
        if is_read_only {
            return Ok(WriteAccess::ReadOnly);
        }
        lease.release_unused();
        Ok(WriteAccess::Writable)
    }
}

/// Why statements on a dedicated connection failed.
pub(crate) struct ConnectionFailure {
    pub(crate) error: sqlx::Error,
    /// The connection was opened for these statements, or could not be opened.
    was_new: bool,
}

impl ConnectionFailure {
    /// The connection cannot be opened, so no statement was sent.
    pub(crate) const fn not_opened(error: sqlx::Error) -> Self {
        Self { error, was_new: true }
    }

    /// Whether another connection may succeed at once where this one did not: its server rejects writes now, and another one may
    /// lead to the new primary, or its statements are outdated. A connection that was opened for these statements is as good
    /// as another one.
    pub(crate) fn needs_another_connection(&self) -> bool {
        !self.was_new && (is_read_only(&self.error) || has_outdated_statements(&self.error))
    }
}

/// What the server of a connection accepts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum WriteAccess {
    Writable,
    /// The server is a standby, or set to be read-only.
    ReadOnly,
}

impl ConnectionLease {
    pub(crate) fn connection(&mut self) -> sqlx::Result<&mut PgConnection> {
        let opened = self.opened.as_mut().map(|opened| &mut opened.connection);
        opened.ok_or(sqlx::Error::WorkerCrashed)
    }

    /// The generation in which it was opened.
    pub(crate) fn generation(&self) -> u64 {
        self.opened.as_ref().map_or(0, |opened| opened.generation)
    }

    /// Keeps the connection, unless the outcome of its statements shows that it cannot be used any more.
    pub(crate) fn release<T>(mut self, outcome: sqlx::Result<T>) -> Result<T, ConnectionFailure> {
        if !outcome.as_ref().is_err_and(connection_is_lost) {
            *self.slot = self.opened.take();
        }
        outcome.map_err(|error| ConnectionFailure { error, was_new: self.is_new })
    }

    /// Keeps the connection; no statement runs on it.
    pub(crate) fn release_unused(mut self) {
        *self.slot = self.opened.take();
    }
}

impl Drop for ConnectionLease {
    fn drop(&mut self) {
        if self.opened.take().is_some() {
            self.shared.is_open.store(false, Ordering::SeqCst);
            self.shared.generation.end();
        }
    }
}
