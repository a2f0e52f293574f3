//! How a client is made.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use flowruns_domain::clock::{Clock, Ids, SystemClock, TimeOrderedIds};
use reqwest::Url;
use thiserror::Error;
use tokio::runtime::Handle;

use crate::{
    Client, HttpTransport, JobError, TokenProvider, Transport,
    address::{AddressError, ServerAddress, is_loopback},
    client::Core,
    report::{QueueBytes, Tickets, Totals},
    send::{RetryBudget, Sender},
    spool::Spool,
    token::{TokenCache, TokenError},
    worker::{Shared, Worker},
};

/// Why no client is made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A variable of the environment is missing.
    #[error("{name} is not set; {hint}")]
    Missing {
        /// The variable.
        name: &'static str,
        /// What to set.
        hint: &'static str,
    },
    /// A variable of the environment has a value that cannot be used.
    #[error("{name} cannot be used: {reason}")]
    Invalid {
        /// The variable.
        name: &'static str,
        /// Why.
        reason: String,
    },
    /// The address of the server cannot be used.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// No token provider was given.
    #[error("the client has no token provider")]
    NoTokens,
    /// A token provider cannot be made.
    #[error("the token provider cannot be used")]
    Token(#[from] TokenError),
    /// TLS cannot be set up.
    #[error("no HTTP client can be made; are the certificates of the system installed?")]
    Transport(#[source] JobError),
    /// The thread of the client cannot be started.
    #[error("the thread of the client cannot be started")]
    Thread(#[source] std::io::Error),
}

/// The options of a client.
///
/// ```
/// use std::time::Duration;
///
/// use flowruns_client::{Client, FileToken};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::builder("https://flowruns.example".parse()?)
///     .tokens(FileToken::new("/var/run/secrets/flowruns/token"))
///     .spool("/var/spool/nightly")
///     .deadline(Duration::from_secs(60))
///     .build()?;
/// # Ok(())
/// # }
/// ```
pub struct ClientBuilder {
    pub(crate) url: Url,
    pub(crate) allow_plain_http: bool,
    pub(crate) tokens: Option<Arc<dyn TokenProvider>>,
    transport: Option<Arc<dyn Transport>>,
    deadline: Duration,
    attempt_timeout: Duration,
    exit_wait: Duration,
    queue_bytes: usize,
    pub(crate) spool: Option<PathBuf>,
    spool_bytes: u64,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    runtime: Option<Handle>,
}

impl ClientBuilder {
    pub(crate) fn new(url: Url) -> Self {
        Self {
            url,
            allow_plain_http: false,
            tokens: None,
            transport: None,
            deadline: Duration::from_secs(30),
            attempt_timeout: Duration::from_secs(10),
            exit_wait: Duration::from_secs(5),
            queue_bytes: 8 * 1024 * 1024,
            spool: None,
            spool_bytes: Spool::MAX_BYTES,
            clock: Arc::new(SystemClock),
            ids: Arc::new(TimeOrderedIds),
            runtime: None,
        }
    }

    /// Where tokens come from.
    #[must_use]
    pub fn tokens(mut self, provider: impl TokenProvider) -> Self {
        self.tokens = Some(Arc::new(provider));
        self
    }

    /// Whether a source of tokens is set.
    pub const fn has_tokens(&self) -> bool {
        self.tokens.is_some()
    }

    /// The base URL.
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// Whether the server is on this machine: its address is one of loopback.
    pub fn is_local(&self) -> bool {
        is_loopback(&self.url)
    }

    /// Accepts http to another machine. Anyone between can read the token.
    #[must_use]
    pub const fn allow_plain_http(mut self) -> Self {
        self.allow_plain_http = true;
        self
    }

    /// How long a request, and the end of a run, may take with all its attempts. 30 seconds.
    #[must_use]
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// How long one attempt may take. 10 seconds.
    #[must_use]
    pub const fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = timeout;
        self
    }

    /// How long the drop of the last clone waits for what was reported. 5 seconds; then ends go to the spool, which has 6 more.
    #[must_use]
    pub const fn exit_wait(mut self, wait: Duration) -> Self {
        self.exit_wait = wait;
        self
    }

    /// How many bytes of statistics may wait in all runs. 8 MiB. The end of a run is always accepted.
    #[must_use]
    pub const fn queue_bytes(mut self, bytes: usize) -> Self {
        self.queue_bytes = bytes;
        self
    }

    /// A folder for the ends of runs that could not be delivered. Processes may share it. None without it.
    #[must_use]
    pub fn spool(mut self, folder: impl Into<PathBuf>) -> Self {
        self.spool = Some(folder.into());
        self
    }

    /// The folder of the spool, if there is one.
    pub fn spool_folder(&self) -> Option<&Path> {
        self.spool.as_deref()
    }

    /// Without a spool: what cannot be delivered is lost, and the error says so.
    #[must_use]
    pub fn without_spool(mut self) -> Self {
        self.spool = None;
        self
    }

    /// How many bytes the spool may have. 64 MiB.
    #[must_use]
    pub const fn spool_bytes(mut self, bytes: u64) -> Self {
        self.spool_bytes = bytes;
        self
    }

    /// How requests are sent. [`HttpTransport`] without it.
    #[must_use]
    pub fn transport(mut self, transport: impl Transport) -> Self {
        self.transport = Some(Arc::new(transport));
        self
    }

    /// The clock. The system's without it.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Where ids of runs and requests come from. UUIDs of version 7 without it.
    #[must_use]
    pub fn ids(mut self, ids: Arc<dyn Ids>) -> Self {
        self.ids = ids;
        self
    }

    /// Sends on this runtime instead of a thread of the client. Then reports go out only while the runtime runs, and the drop of the
    /// last clone waits for nothing: call [`Client::flush`]. It is for tests with a paused clock.
    #[must_use]
    pub fn runtime(mut self, runtime: Handle) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// Makes the client. It sends nothing yet.
    ///
    /// # Errors
    ///
    /// [`ConfigError`].
    pub fn build(self) -> Result<Client, ConfigError> {
        let server = ServerAddress::new(self.url, self.allow_plain_http)?;
        let transport = match self.transport {
            Some(transport) => transport,
            None => Arc::new(HttpTransport::new(server.url()).map_err(ConfigError::Transport)?),
        };
        let sender = Sender {
            server: server.text().to_owned(),
            transport,
            tokens: TokenCache::new(self.tokens.ok_or(ConfigError::NoTokens)?),
            budget: RetryBudget::new(),
            clock: Arc::clone(&self.clock),
            attempt_timeout: self.attempt_timeout,
        };
        let shared = Shared {
            server,
            sender,
            spool: self.spool.map(|path| Arc::new(Spool::new(path, self.spool_bytes))),
            clock: self.clock,
            ids: self.ids,
            deadline: self.deadline,
            queue: Arc::new(QueueBytes::new(self.queue_bytes)),
            tickets: Arc::new(Tickets::default()),
            totals: Totals::default(),
            mailboxes: Mutex::default(),
        };
        let worker = match self.runtime {
            Some(handle) => Worker::on(handle),
            None => Worker::start(self.exit_wait).map_err(ConfigError::Thread)?,
        };
        Ok(Client { core: Arc::new(Core { shared: Arc::new(shared), worker }) })
    }
}
