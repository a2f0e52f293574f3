//! Connections: how many, how long they wait, and what each session is set to.

use std::time::Duration;

use flowruns_domain::StoreError;
use sqlx::{
    Connection as _, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::time::timeout;

use crate::{
    error::store_error,
    pool::{Pool, ReadOnlyDetection},
    session,
};

/// After so long without use a connection is tried before it is used.
const RESTED: Duration = Duration::from_secs(1);

/// What an answer may take beyond the statement's own time-out.
const ANSWER_GRACE: Duration = Duration::from_secs(2);

/// How long a connection that was released may still run the statement of a caller that left. Then it is closed, and
/// the server cancels the statement.
const RELEASE_GRACE: Duration = Duration::from_millis(250);

/// How the store reaches its database. Not `Debug`: it may hold a password.
#[derive(Clone)]
pub struct ConnectOptions {
    /// Where, and as whom.
    pub database: PgConnectOptions,
    /// Connections of the pool; default 16.
    pub max_connections: u32,
    /// How long a request waits for a connection; default 3 s.
    pub acquire_timeout: Duration,
    /// How long one statement may take; default 10 s.
    pub statement_timeout: Duration,
    /// How long transient failures and lost races are retried, and how long a report waits to be written; default 5 s.
    pub retry_for: Duration,
    /// Writers of reports, each with two connections of its own beyond the pool; one more writes creations, with one.
    /// Default 1: it writes a batch while it reads the next, and two only make smaller batches.
    pub writers: usize,
    /// How many reports and creations may wait to be written, of all writers together; default 4096.
    pub writer_queue: usize,
    /// How many bytes of bodies may wait to be written, of all writers together; default 16 MiB.
    pub writer_queue_bytes: usize,
}

/// Whether the database keeps what it acknowledged.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Durability {
    /// What the server, the database or the role sets `synchronous_commit` to, such as `local`. The sessions of a store
    /// use `on` where that is less.
    pub synchronous_commit: String,
    /// Off: a crash of the machine may corrupt the database. Warn.
    pub fsync: bool,
}

impl Durability {
    /// Whether a commit is acknowledged only after it was flushed, here and on synchronous standbys. If not: refuse to
    /// serve.
    pub fn is_synchronous(&self) -> bool {
        matches!(self.synchronous_commit.as_str(), "on" | "remote_apply")
    }
}

impl ConnectOptions {
    /// The defaults, on a database.
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
        }
    }

    /// The defaults, on the database of a URL such as `postgres://user:password@host/database`.
    ///
    /// # Errors
    ///
    /// [`sqlx::Error`] when the URL cannot be read.
    pub fn from_url(url: &str) -> Result<Self, sqlx::Error> {
        Ok(Self::new(url.parse()?))
    }

    /// What every session is set to.
    fn session(&self, name: &str) -> PgConnectOptions {
        let statement_timeout = format!("{}ms", self.statement_timeout.as_millis());
        self.database.clone().application_name(name).options([
            ("statement_timeout", statement_timeout.as_str()),
            ("idle_in_transaction_session_timeout", "30s"),
            ("TimeZone", "UTC"),
            // The guards and the searches for one's own event rely on a snapshot a statement.
            ("default_transaction_isolation", "read committed"),
        ])
    }

    /// The session of a writer. Its plans are made once, when a table may still be empty: they must go by the index
    /// however few rows there seem to be.
    pub(crate) fn writer_session(&self) -> PgConnectOptions {
        self.session("flowruns writer").options([
            ("plan_cache_mode", "force_generic_plan"),
            ("enable_seqscan", "off"),
            ("enable_hashjoin", "off"),
            ("enable_mergejoin", "off"),
            ("jit", "off"),
        ])
    }

    /// How long this side waits for an answer: the server's own time-out comes first, if the server is there.
    pub(crate) fn answer_timeout(&self) -> Duration {
        self.statement_timeout + ANSWER_GRACE
    }

    pub(crate) async fn pool(&self) -> Result<Pool, StoreError> {
        // Lists are bounded by the index that they walk along; no statistics shall say that another plan is cheaper.
        let database = self.session("flowruns").options([
            ("enable_seqscan", "off"),
            ("enable_bitmapscan", "off"),
            ("enable_sort", "off"),
            ("jit", "off"),
        ]);
        let read_only = ReadOnlyDetection::default();
        let seen = read_only.clone();
        let connections = PgPoolOptions::new()
            .max_connections(self.max_connections)
            .acquire_timeout(self.acquire_timeout)
            .after_connect(|connection, _meta| Box::pin(dedicated_connection::prepare(connection)))
            // A ping for each statement would be a round trip more; one that rested may have died.
            .test_before_acquire(false)
            .before_acquire(move |connection, meta| {
                let may_write = seen.is_newer(meta.age);
                Box::pin(async move {
                    if may_write && meta.idle_for > RESTED {
                        connection.ping().await?;
                    }
                    Ok(may_write)
                })
            })
            // The statement of a caller that left still runs, and would keep the connection until its end. Flushing waits
            // for such a statement, and does nothing otherwise.
            .after_release(|connection, _meta| {
                Box::pin(async move {
                    let is_free = timeout(RELEASE_GRACE, connection.flush()).await;
                    Ok(matches!(is_free, Ok(Ok(()))))
                })
            })
            .connect_with(database)
            .await
            .map_err(store_error)?;
        Ok(Pool::new(connections, read_only))
    }
}

pub(crate) async fn durability(pool: &PgPool) -> Result<Durability, StoreError> {
    // The reset value is that of the server, the database or the role: what the store's own sessions set does not show.
    let settings = "SELECT (SELECT reset_val FROM pg_settings WHERE name = 'synchronous_commit'),
        current_setting('fsync') <> 'off'";
    let (synchronous_commit, fsync) = sqlx::query_as(settings)
        .fetch_one(pool)
        .await
        .map_err(store_error)?;
    Ok(Durability {
        synchronous_commit,
        fsync,
    })
}
