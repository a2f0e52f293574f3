//! How a client is made, from code or from the environment.

use std::{
    env,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use flowruns_domain::clock::{Clock, Ids, SystemClock, TimeOrderedIds};
use reqwest::Url;
use thiserror::Error;
use tokio::runtime::Handle;

use crate::{
    Client, ClientCredentials, CommandToken, FileToken, FixedToken, HttpTransport, JobError,
    TokenProvider, Transport,
    address::{AddressError, ServerAddress},
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
    url: Url,
    allow_plain_http: bool,
    tokens: Option<Arc<dyn TokenProvider>>,
    transport: Option<Arc<dyn Transport>>,
    deadline: Duration,
    attempt_timeout: Duration,
    exit_wait: Duration,
    queue_bytes: usize,
    spool: Option<PathBuf>,
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

    /// The options that the environment names:
    ///
    /// | variable | what |
    /// |---|---|
    /// | `FLOWRUNS_URL` | the base URL of the server |
    /// | `FLOWRUNS_TOKEN` | a token |
    /// | `FLOWRUNS_TOKEN_FILE` | a file with a token, read again when the token expires |
    /// | `FLOWRUNS_TOKEN_COMMAND` | a command that prints a token, run again when the token expires |
    /// | `FLOWRUNS_ISSUER`, `FLOWRUNS_CLIENT_ID`, `FLOWRUNS_CLIENT_SECRET_FILE`, `FLOWRUNS_SCOPE` (optional) | an application at an OpenID issuer |
    /// | `FLOWRUNS_SPOOL_DIR` | the spool folder, instead of [`default_spool_folder`]; empty for none |
    /// | `FLOWRUNS_ALLOW_HTTP` | `true` to send the token over http to another machine |
    ///
    /// Exactly one of the sources of tokens is set, or none: then [`tokens`](Self::tokens) gives one.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], which names the variable.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_variables(|name| env::var(name).ok())
    }

    /// As [`from_env`](Self::from_env), with variables of the caller.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], which names the variable.
    pub fn from_variables(
        variable: impl Fn(&'static str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let set = |name| variable(name).filter(|value| !value.is_empty());
        let url = set("FLOWRUNS_URL").ok_or(ConfigError::Missing {
            name: "FLOWRUNS_URL",
            hint: "set it to the address of the server, such as https://flowruns.example",
        })?;
        let mut builder = Self::new(parsed("FLOWRUNS_URL", &url)?);
        builder.allow_plain_http = match set("FLOWRUNS_ALLOW_HTTP").as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => {
                let reason = "it is true or false".to_owned();
                return Err(ConfigError::Invalid { name: "FLOWRUNS_ALLOW_HTTP", reason });
            }
        };
        builder.tokens = provider(&set)?;
        builder.spool = match variable("FLOWRUNS_SPOOL_DIR") {
            Some(path) if path.is_empty() => None,
            Some(path) => Some(PathBuf::from(path)),
            None => spool_folder(&set),
        };
        Ok(builder)
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

    /// How long the drop of the last clone waits for what was told. 5 seconds; then ends go to the spool.
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

/// The spool folder of this user: `flowruns/spool` in `$XDG_STATE_HOME`, else in `~/.local/state`. `None` without a home.
pub fn default_spool_folder() -> Option<PathBuf> {
    spool_folder(&|name| env::var(name).ok().filter(|value| !value.is_empty()))
}

fn spool_folder(set: &impl Fn(&'static str) -> Option<String>) -> Option<PathBuf> {
    let state = set("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || Some(PathBuf::from(set("HOME")?).join(".local/state"));
    Some(state.or_else(home)?.join("flowruns/spool"))
}

fn parsed(name: &'static str, text: &str) -> Result<Url, ConfigError> {
    let invalid =
        |error| ConfigError::Invalid { name, reason: format!("{text:?} is not a URL: {error}") };
    text.parse().map_err(|error: <Url as std::str::FromStr>::Err| invalid(error.to_string()))
}

fn provider(
    set: &impl Fn(&'static str) -> Option<String>,
) -> Result<Option<Arc<dyn TokenProvider>>, ConfigError> {
    const SOURCES: [&str; 4] =
        ["FLOWRUNS_TOKEN", "FLOWRUNS_TOKEN_FILE", "FLOWRUNS_TOKEN_COMMAND", "FLOWRUNS_ISSUER"];
    let mut found = SOURCES.into_iter().filter_map(|name| Some((name, set(name)?)));
    let Some((name, value)) = found.next() else {
        return Ok(None);
    };
    if let Some((other, _)) = found.next() {
        let reason = format!("{name} is set too; keep one of them");
        return Err(ConfigError::Invalid { name: other, reason });
    }
    Ok(Some(match name {
        "FLOWRUNS_TOKEN" => Arc::new(FixedToken::new(&value)?),
        "FLOWRUNS_TOKEN_FILE" => Arc::new(FileToken::new(value)),
        "FLOWRUNS_TOKEN_COMMAND" => Arc::new(CommandToken::new(value)),
        _ => Arc::new(application(&value, set)?),
    }))
}

fn application(
    issuer: &str,
    set: &impl Fn(&'static str) -> Option<String>,
) -> Result<ClientCredentials, ConfigError> {
    let hint = "FLOWRUNS_ISSUER needs it";
    let needed = |name| set(name).ok_or(ConfigError::Missing { name, hint });
    let id = needed("FLOWRUNS_CLIENT_ID")?;
    let secret = needed("FLOWRUNS_CLIENT_SECRET_FILE")?;
    let credentials = ClientCredentials::new(parsed("FLOWRUNS_ISSUER", issuer)?, id, secret)?;
    Ok(match set("FLOWRUNS_SCOPE") {
        Some(scope) => credentials.scope(scope),
        None => credentials,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(variables: &[(&str, &str)]) -> Result<ClientBuilder, ConfigError> {
        ClientBuilder::from_variables(|name| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    const URL: (&str, &str) = ("FLOWRUNS_URL", "https://a.example");

    fn message(variables: &[(&str, &str)]) -> String {
        build(variables).and_then(ClientBuilder::build).map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn every_wrong_variable_is_named() {
        assert!(message(&[]).starts_with("FLOWRUNS_URL is not set"));
        assert!(message(&[("FLOWRUNS_URL", "a.example")]).contains("FLOWRUNS_URL cannot be used"));
        let both = [URL, ("FLOWRUNS_TOKEN", "a"), ("FLOWRUNS_TOKEN_FILE", "/b")];
        assert!(message(&both).contains("FLOWRUNS_TOKEN is set too"));
        let issuer = [URL, ("FLOWRUNS_ISSUER", "https://i.example")];
        assert!(message(&issuer).starts_with("FLOWRUNS_CLIENT_ID is not set"));
        assert!(message(&[URL, ("FLOWRUNS_ALLOW_HTTP", "yes")]).contains("FLOWRUNS_ALLOW_HTTP"));
        assert!(message(&[URL]).contains("no token provider"));
        let plain = [("FLOWRUNS_URL", "http://a.example"), ("FLOWRUNS_TOKEN", "a")];
        assert!(message(&plain).contains("so the token could be read on its way"));
    }

    #[test]
    fn plain_http_is_used_when_it_is_asked_for() {
        let variables = [
            ("FLOWRUNS_URL", "http://a.example"),
            ("FLOWRUNS_TOKEN", "a"),
            ("FLOWRUNS_ALLOW_HTTP", "true"),
        ];
        assert_eq!(build(&variables).unwrap().build().unwrap().server(), "http://a.example");
    }

    #[test]
    fn the_spool_is_in_the_state_folder_of_the_user() {
        let spool = |variables: &[(&str, &str)]| {
            let variables: Vec<_> = [URL].iter().chain(variables).copied().collect();
            build(&variables).unwrap().spool
        };
        let home = ("HOME", "/home/a");
        assert_eq!(spool(&[home]), Some("/home/a/.local/state/flowruns/spool".into()));
        assert_eq!(spool(&[home, ("XDG_STATE_HOME", "/s")]), Some("/s/flowruns/spool".into()));
        assert_eq!(spool(&[home, ("FLOWRUNS_SPOOL_DIR", "/t")]), Some("/t".into()));
        assert_eq!(spool(&[home, ("FLOWRUNS_SPOOL_DIR", "")]), None);
        assert_eq!(spool(&[]), None);
    }
}
