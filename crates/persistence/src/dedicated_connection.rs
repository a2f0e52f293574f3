//! Sessions: what each of them is set to, and those that a writer keeps for itself.

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

use crate::error::{is_read_only, connection_is_lost};

/// A commit is acknowledged after it was flushed, whatever the server, the database or the role is set to. What is set
/// within a session outlives every later change of those settings. `remote_apply` demands more, and is kept.
const WAIT_FOR_FLUSH: &str = "
    SELECT set_config('synchronous_commit',
        CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false)";

/// How often the server looks whether the client of a running statement is still connected; when it is not, the
/// statement is cancelled.
const NOTICE_CLOSED_CONNECTIONS: &str = "SET client_connection_check_interval = '500ms'";

const IS_READ_ONLY: &str = "SELECT current_setting('transaction_read_only')::boolean";

/// Makes the commits of this session wait until they are flushed.
pub(crate) async fn wait_for_flush(connection: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::raw_sql(WAIT_FOR_FLUSH)
        .execute(connection)
        .await
        .map(drop)
}

/// Sets what the startup packet cannot. Every session of a store runs this before anything else.
pub(crate) async fn prepare(connection: &mut PgConnection) -> sqlx::Result<()> {
    wait_for_flush(connection).await?;
    let notices = sqlx::raw_sql(NOTICE_CLOSED_CONNECTIONS)
        .execute(connection)
        .await;
    match notices {
        // A server on a system that cannot tell closed connections refuses the setting.
        Err(error) if error.as_database_error().is_some() && !connection_is_lost(&error) => {
            tracing::debug!(%error, "statements of clients that left are not cancelled");
            Ok(())
        }
        other => other.map(drop),
    }
}

/// Counts the sessions that a group of sessions has lost. Two sessions of one generation are connected to the same
/// server; what was read in one generation may not be there any more in the next, after a restore or a failover.
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

/// A session that a task keeps for its statements. It is opened when it is needed, and again after it or another
/// session of its generation was lost. Clones share it.
#[derive(Clone)]
pub(crate) struct DedicatedConnection {
    shared: Arc<Shared>,
}

struct Shared {
    purpose: &'static str,
    database: PgConnectOptions,
    time_limit: Duration,
    generation: ConnectionGeneration,
    /// Whether the last attempt to open it succeeded, and it has not been lost since.
    is_open: AtomicBool,
    slot: Arc<Mutex<Option<Opened>>>,
}

struct Opened {
    connection: PgConnection,
    generation: u64,
}

/// The connection of a session, for one or several statements. It is lost unless it is given back.
pub(crate) struct ConnectionLease {
    shared: Arc<Shared>,
    slot: OwnedMutexGuard<Option<Opened>>,
    opened: Option<Opened>,
    is_new: bool,
}

impl DedicatedConnection {
    /// `time_limit` bounds the wait for an answer on this side: a server that is stopped, or beyond a network that
    /// is cut, times nothing out. `purpose` completes "a session to …".
    pub(crate) fn new(
        purpose: &'static str,
        database: PgConnectOptions,
        time_limit: Duration,
        generation: ConnectionGeneration,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                purpose,
                database,
                time_limit,
                generation,
                is_open: AtomicBool::new(false),
                slot: Arc::default(),
            }),
        }
    }

    /// What it is for.
    pub(crate) fn purpose(&self) -> &'static str {
        self.shared.purpose
    }

    /// The generation in which statements run now.
    pub(crate) fn generation(&self) -> u64 {
        self.shared.generation.current()
    }

    /// The connection, opened if there is none of the current generation.
    pub(crate) async fn lease(&self) -> sqlx::Result<ConnectionLease> {
        let slot = Arc::clone(&self.shared.slot).lock_owned().await;
        self.lease_from(slot).await
    }

    async fn lease_from(&self, mut slot: OwnedMutexGuard<Option<Opened>>) -> sqlx::Result<ConnectionLease> {
        let generation = self.generation();
        let kept = slot.take();
        let kept = kept.filter(|opened| opened.generation == generation);
        let is_new = kept.is_none();
        let opened = match kept {
            Some(opened) => opened,
            None => self.open(generation).await?,
        };
        Ok(ConnectionLease {
            shared: Arc::clone(&self.shared),
            slot,
            opened: Some(opened),
            is_new,
        })
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
        Ok(Opened {
            connection,
            generation,
        })
    }

    /// The outcome of a statement, or that it took too long.
    pub(crate) async fn within<T>(
        &self,
        statement: impl Future<Output = sqlx::Result<T>>,
    ) -> sqlx::Result<T> {
        let elapsed = || sqlx::Error::Io(io::ErrorKind::TimedOut.into());
        tokio::time::timeout(self.shared.time_limit, statement)
            .await
            .unwrap_or_else(|_elapsed| Err(elapsed()))
    }

    /// Whether it can write now. One that does not run a statement is asked, and opened anew once if it was lost.
    pub(crate) async fn check(&self) -> sqlx::Result<WriteAccess> {
        let slot = match Arc::clone(&self.shared.slot).try_lock_owned() {
            Ok(slot) => slot,
            // It runs a statement, whose outcome says how it is.
            Err(_in_use) if self.shared.is_open.load(Ordering::SeqCst) => return Ok(WriteAccess::Writable),
            Err(_being_opened) => Arc::clone(&self.shared.slot).lock_owned().await,
        };
        let lease = self.lease_from(slot).await?;
        let is_new = lease.is_new;
        match self.ask(lease).await {
            Ok(WriteAccess::Writable) => Ok(WriteAccess::Writable),
            asked if is_new => asked,
            // It died while nobody used it, or its server takes no writes any more.
            _lost => self.ask(self.lease().await?).await,
        }
    }

    async fn ask(&self, mut lease: ConnectionLease) -> sqlx::Result<WriteAccess> {
        let question = sqlx::query_scalar(IS_READ_ONLY);
        let takes_no_writes = self.within(question.fetch_one(lease.connection()?)).await?;
        if takes_no_writes {
            return Ok(WriteAccess::ReadOnly);
        }
        lease.release_unused();
        Ok(WriteAccess::Writable)
    }
}

/// Why statements on a session failed.
pub(crate) struct ConnectionFailure {
    pub(crate) error: sqlx::Error,
    /// Whether the session was opened for these statements, or could not be.
    was_new: bool,
}

impl ConnectionFailure {
    /// The session cannot be opened, so nothing was sent.
    pub(crate) const fn not_opened(error: sqlx::Error) -> Self {
        Self {
            error,
            was_new: true,
        }
    }

    /// Whether the session leads to a server that takes no writes any more, while another one may lead to the new
    /// primary. One that was opened just now would be no better.
    pub(crate) fn needs_another_connection(&self) -> bool {
        !self.was_new && is_read_only(&self.error)
    }
}

/// What a session may do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum WriteAccess {
    Write,
    /// Its server is a standby, or is set to be read-only.
    ReadOnly,
}

impl ConnectionLease {
    /// The connection.
    pub(crate) fn connection(&mut self) -> sqlx::Result<&mut PgConnection> {
        let opened = self.opened.as_mut().map(|opened| &mut opened.connection);
        opened.ok_or(sqlx::Error::WorkerCrashed)
    }

    /// The generation that it was opened in.
    pub(crate) fn generation(&self) -> u64 {
        self.opened.as_ref().map_or(0, |opened| opened.generation)
    }

    /// Keeps the connection, unless the outcome of its statements says that it is no good any more.
    pub(crate) fn release<T>(mut self, outcome: sqlx::Result<T>) -> Result<T, ConnectionFailure> {
        if !outcome.as_ref().is_err_and(connection_is_lost) {
            *self.slot = self.opened.take();
        }
        outcome.map_err(|error| ConnectionFailure {
            error,
            was_new: self.is_new,
        })
    }

    /// Keeps the connection, on which nothing was run.
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
