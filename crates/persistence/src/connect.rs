//! The options of a store, and the settings of its sessions.

use std::time::Duration;

use flowruns_domain::store::StoreError;
use sqlx::{
    Connection as _, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::time::timeout;

use crate::{
    dedicated_connection,
    error::store_error,
    pool::{Pool, PoolReplacement},
};

/// A connection that was idle for longer is tested before it is used.
const TEST_AFTER_IDLE: Duration = Duration::from_secs(1);

/// Time for a response beyond the time limit of its statement.
const RESPONSE_GRACE: Duration = Duration::from_secs(2);

/// How long a released connection may still run the statement of a caller that has disconnected. Then it is closed, and the
/// server cancels the statement.
const RELEASE_GRACE: Duration = Duration::from_millis(250);

/// How a store connects to its database, and its limits. Not `Debug`, since it may contain a password.
#[derive(Clone)]
pub struct ConnectOptions {
    /// The database, and the role.
    pub database: PgConnectOptions,
    /// Connections of the pool; default 16.
    pub max_connections: u32,
    /// How long a request waits for a connection; default 3 s.
    pub acquire_timeout: Duration,
    /// The time limit of one statement; default 10 s.
    pub statement_timeout: Duration,
    /// How long transient failures and lost races are retried, and how long a report waits to be written; default 5 s.
    pub retry_for: Duration,
    /// Writers of reports, each with two connections besides the pool; creations have one more connection. Default 1: a
    /// writer reads a batch while it writes the one before, and a second writer only makes the batches smaller.
    pub writers: usize,
    /// The maximum number of reports and creations that wait or are being written, for all writers together; default 4096.
    pub writer_queue: usize,
    /// The maximum memory of these reports and creations, in bytes; default 16 MiB.
    pub writer_queue_bytes: usize,
    /// The maximum size of the cache of written and created runs, about, in bytes; 0 for none; default 32 MiB, which is about
    /// 43,000 runs with statistics of 400 bytes. The next report of a cached run needs no read.
    pub run_cache_bytes: usize,
}

/// Whether the database keeps what it acknowledged.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Durability {
    /// `synchronous_commit` as set by the server, the database or the role, such as `local`. The sessions of a store set at
    /// least `on`.
    pub synchronous_commit: String,
    /// If false, a crash of the machine may corrupt the database.
    pub fsync: bool,
}

impl Durability {
    /// Whether a commit is acknowledged only after it was flushed, on the primary and on synchronous standbys. If not, an
    /// acknowledged report can be lost.
    pub fn is_synchronous(&self) -> bool {
        matches!(self.synchronous_commit.as_str(), "on" | "remote_apply")
    }
}

impl ConnectOptions {
    /// The default options for a database.
    pub const fn new(database: PgConnectOptions) -> Self {
        Self {
            database,
            max_connections: 16,
            acquire_timeout: Duration::from_secs(3),
            statement_timeout: Duration::from_secs(10),
            retry_for: Duration::from_secs(5),
            writers: 1,
            writer_queue: 4096,
            writer_queue_bytes: 16 * 1024 * 1024,
            run_cache_bytes: 32 * 1024 * 1024,
        }
    }

    /// The default options for the database of a URL such as `postgres://user:password@host/database`.
    ///
    /// # Errors
    ///
    /// [`sqlx::Error`] when the URL is malformed.
    pub fn from_url(url: &str) -> Result<Self, sqlx::Error> {
        Ok(Self::new(url.parse()?))
    }

    /// The settings of every session.
    fn session(&self, name: &str) -> PgConnectOptions {
        let statement_timeout = format!("{}ms", self.statement_timeout.as_millis());
        self.database.clone().application_name(name).options([
            ("statement_timeout", statement_timeout.as_str()),
            ("idle_in_transaction_session_timeout", "30s"),
            ("TimeZone", "UTC"),
            // Version checks and searches for events rely on one snapshot a statement.
            ("default_transaction_isolation", "read committed"),
        ])
    }

    /// The settings of a writer's session. Its plans are made once, and then the tables may be empty: the planner must use
    /// the indexes even if a table seems to have few rows.
    pub(crate) fn writer_session(&self) -> PgConnectOptions {
        self.session("flowruns writer").options([
            ("plan_cache_mode", "force_generic_plan"),
            ("enable_seqscan", "off"),
            ("enable_hashjoin", "off"),
            ("enable_mergejoin", "off"),
            ("jit", "off"),
        ])
    }

    /// How long this side waits for a response. The time limit of the server is shorter, but a server that is stopped or
    /// unreachable does not apply it.
    pub(crate) fn response_timeout(&self) -> Duration {
        self.statement_timeout + RESPONSE_GRACE
    }

    pub(crate) async fn pool(&self) -> Result<Pool, StoreError> {
        // Lists are bounded by the index that has their order. No statistics may make another plan look cheaper. Each
        // statement has one good plan, whatever its parameters are, so none is planned for each execution.
        let database = self.session("flowruns").options([
            ("plan_cache_mode", "force_generic_plan"),
            ("enable_seqscan", "off"),
            ("enable_bitmapscan", "off"),
            ("enable_sort", "off"),
            // A statement looks up each flow once: nothing is found again.
            ("enable_memoize", "off"),
            ("jit", "off"),
        ]);
        let replacement = PoolReplacement::default();
        let current = replacement.clone();
        let connections = PgPoolOptions::new()
            .max_connections(self.max_connections)
            .acquire_timeout(self.acquire_timeout)
            .after_connect(|connection, _meta| Box::pin(dedicated_connection::prepare(connection)))
            // A test before each statement would cost a round trip; only an idle connection may have broken unnoticed.
            .test_before_acquire(false)
            .before_acquire(move |connection, meta| {
                let is_current = current.is_newer(meta.age);
                Box::pin(async move {
                    if is_current && meta.idle_for > TEST_AFTER_IDLE {
                        connection.ping().await?;
                    }
                    Ok(is_current)
                })
            })
            // The statement of a caller that has gone still runs, and would occupy the connection. Flushing waits for such a
            // statement, and does nothing otherwise.
            .after_release(|connection, _meta| {
                Box::pin(async move {
                    let is_free = timeout(RELEASE_GRACE, connection.flush()).await;
                    Ok(matches!(is_free, Ok(Ok(()))))
                })
            })
            .connect_with(database)
            .await
            .map_err(store_error)?;
        Ok(Pool::new(connections, replacement))
    }
}

/// The reset value is that of the server, the database or the role; the current value is that of the store's session.
pub(crate) const DURABILITY: &str = "
    SELECT (SELECT reset_val FROM pg_settings WHERE name = 'synchronous_commit'), current_setting('fsync') <> 'off'";

pub(crate) async fn durability(pool: &PgPool) -> Result<Durability, StoreError> {
    let (synchronous_commit, fsync) =
        sqlx::query_as(DURABILITY).fetch_one(pool).await.map_err(store_error)?;
    Ok(Durability { synchronous_commit, fsync })
}
