//! The configuration: defaults, then a file, then the environment.

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    env,
    ffi::OsString,
    net::{IpAddr, SocketAddr},
    num::NonZeroUsize,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, bail};
use config::{Config, Environment, File, FileFormat};
use ipnet::IpNet;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, Serialize, de};
use validator::Validate;

const DEFAULTS: &str = include_str!("../../../config/default.toml");
/// Names the file that overrides the defaults.
const FILE_VARIABLE: &str = "FLOWRUNS_CONFIG";
const PREFIX: &str = "FLOWRUNS";
const DATABASE_URL: &str = "DATABASE_URL";

/// What the operator set. Durations are in milliseconds.
#[derive(Debug, Deserialize, Serialize, Validate)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) data_dir: PathBuf,
    #[serde(deserialize_with = "number")]
    #[validate(range(max = 1024))]
    pub(crate) worker_threads: u64,
    #[validate(nested)]
    pub(crate) http: Http,
    #[validate(nested)]
    pub(crate) database: Database,
    pub(crate) embedded: Embedded,
    pub(crate) auth: Auth,
    pub(crate) log: Log,
    /// From the environment alone; never shown.
    #[serde(skip)]
    pub(crate) database_url: Option<SecretString>,
}

#[derive(Debug, Deserialize, Serialize, Validate)]
#[serde(deny_unknown_fields)]
pub(crate) struct Http {
    pub(crate) listen: SocketAddr,
    #[serde(deserialize_with = "number")]
    #[validate(range(min = 1024, max = 1_073_741_824))]
    pub(crate) max_body_bytes: u64,
    #[serde(deserialize_with = "number")]
    #[validate(range(min = 1))]
    pub(crate) request_timeout_ms: u64,
    #[serde(deserialize_with = "number")]
    pub(crate) drain_timeout_ms: u64,
    #[serde(deserialize_with = "number")]
    #[validate(range(min = 1))]
    pub(crate) header_timeout_ms: u64,
    #[serde(deserialize_with = "flag")]
    pub(crate) require_if_match: bool,
    #[serde(deserialize_with = "networks")]
    pub(crate) trusted_proxies: Vec<IpNet>,
    #[serde(deserialize_with = "path_unless_empty")]
    pub(crate) cursor_key_file: Option<PathBuf>,
}

#[derive(Debug, Deserialize, Serialize, Validate)]
#[serde(deny_unknown_fields)]
pub(crate) struct Database {
    #[serde(deserialize_with = "number")]
    #[validate(range(min = 2, max = 1000))]
    pub(crate) max_connections: u64,
    #[serde(deserialize_with = "number")]
    #[validate(range(min = 1))]
    pub(crate) acquire_timeout_ms: u64,
    #[serde(deserialize_with = "number")]
    #[validate(range(min = 1))]
    pub(crate) statement_timeout_ms: u64,
    #[serde(deserialize_with = "number")]
    #[validate(range(min = 1, max = 64))]
    pub(crate) writers: u64,
    #[serde(deserialize_with = "number")]
    #[validate(range(min = 1))]
    pub(crate) writer_queue: u64,
    #[serde(deserialize_with = "number")]
    #[validate(range(min = 1))]
    pub(crate) writer_queue_bytes: u64,
}

impl Database {
    /// Those of the pool, of the writers of reports, and of the writer of creations.
    pub(crate) const fn connections(&self) -> u64 {
        self.max_connections + 2 * self.writers + 1
    }
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Embedded {
    #[serde(deserialize_with = "path_unless_empty")]
    pub(crate) binaries: Option<PathBuf>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Auth {
    #[serde(deserialize_with = "path_unless_empty")]
    pub(crate) jwks_file: Option<PathBuf>,
    pub(crate) issuer: String,
    pub(crate) audience: String,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Log {
    pub(crate) format: LogFormat,
    pub(crate) filter: String,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    Pretty,
    Json,
}

impl Settings {
    /// The threads that do the work. By default half of the cores: the other half is busy for us in PostgreSQL, and
    /// threads that hand reports to each other cost more than they bring.
    pub(crate) fn worker_threads(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        match usize::try_from(self.worker_threads) {
            Ok(0) | Err(_) => cores().div_ceil(2),
            Ok(threads) => threads,
        }
    }

    /// Merges defaults, the file (the argument, or what FLOWRUNS_CONFIG names) and the environment.
    pub(crate) fn load(file: Option<&Path>) -> anyhow::Result<Self> {
        Self::merge(file, env::vars_os())
    }

    fn merge(
        file: Option<&Path>,
        environment: impl Iterator<Item = (OsString, OsString)>,
    ) -> anyhow::Result<Self> {
        let mut variables = our_variables(environment)?;
        let url = variables.remove(DATABASE_URL);
        // FLOWRUNS_CONFIG is no key, and an unknown name is refused.
        let named = variables.remove(FILE_VARIABLE).map(PathBuf::from);
        let mut sources = Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml));
        if let Some(file) = file.or(named.as_deref()) {
            sources = sources.add_source(File::from(file).format(FileFormat::Toml));
        }
        let environment = Environment::with_prefix(PREFIX)
            .prefix_separator("_")
            .separator("__")
            .source(Some(variables));
        let merged = sources
            .add_source(environment)
            .build()
            .context("the configuration cannot be read")?;
        let mut settings: Self = merged
            .try_deserialize()
            .context("the configuration is wrong; config/default.toml lists every key")?;
        settings.database_url = url.filter(|url| !url.is_empty()).map(SecretString::from);
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> anyhow::Result<()> {
        self.validate()
            .context("the configuration is out of range")?;
        let auth = &self.auth;
        if auth.jwks_file.is_some() && (auth.issuer.is_empty() || auth.audience.is_empty()) {
            bail!(
                "auth.jwks_file needs auth.issuer and auth.audience too, so that tokens of others are refused"
            );
        }
        if auth.jwks_file.is_none() && !self.http.listen.ip().is_loopback() {
            bail!(
                "without an issuer the server listens on loopback only, not on {}; set FLOWRUNS_AUTH__JWKS_FILE, \
                 FLOWRUNS_AUTH__ISSUER and FLOWRUNS_AUTH__AUDIENCE, or FLOWRUNS_HTTP__LISTEN=127.0.0.1:{}",
                self.http.listen,
                self.http.listen.port()
            );
        }
        Ok(())
    }
}

impl Http {
    pub(crate) const fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.request_timeout_ms)
    }

    pub(crate) const fn drain_timeout(&self) -> Duration {
        Duration::from_millis(self.drain_timeout_ms)
    }

    pub(crate) const fn header_timeout(&self) -> Duration {
        Duration::from_millis(self.header_timeout_ms)
    }
}

/// Those that we read; the others need not even be text.
fn our_variables(
    environment: impl Iterator<Item = (OsString, OsString)>,
) -> anyhow::Result<HashMap<String, String>> {
    let mut ours = HashMap::new();
    for (name, value) in environment {
        let name = name.to_string_lossy().into_owned();
        let upper = name.to_ascii_uppercase();
        let is_key = upper
            .strip_prefix(PREFIX)
            .is_some_and(|rest| rest.starts_with('_'));
        if name == DATABASE_URL || is_key {
            // The value may be a secret.
            let Ok(value) = value.into_string() else {
                bail!("the environment variable {name} is not UTF-8; set it again");
            };
            ours.insert(name, value);
        }
    }
    Ok(ours)
}

/// The environment knows only text.
#[derive(Deserialize)]
#[serde(untagged)]
enum TextOr<T> {
    Value(T),
    Text(String),
}

fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    match TextOr::deserialize(deserializer)? {
        TextOr::Value(number) => Ok(number),
        TextOr::Text(text) => text
            .trim()
            .parse()
            .map_err(|_| de::Error::custom(format!("{text:?} is not a whole number"))),
    }
}

fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    match TextOr::deserialize(deserializer)? {
        TextOr::Value(flag) => Ok(flag),
        TextOr::Text(text) => text
            .trim()
            .parse()
            .map_err(|_| de::Error::custom(format!("{text:?} is neither true nor false"))),
    }
}

/// A list, or text with commas; a bare address is a network of its own.
fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let texts = match TextOr::deserialize(deserializer)? {
        TextOr::Value(texts) => texts,
        TextOr::Text(text) => text.split(',').map(str::to_owned).collect::<Vec<String>>(),
    };
    let network = |text: &str| {
        let address = text.parse::<IpAddr>().map(IpNet::from);
        address.or_else(|_| text.parse()).map_err(|_| {
            de::Error::custom(format!(
                "{text:?} is no network such as 10.0.0.0/8, and no address"
            ))
        })
    };
    let trimmed = texts.iter().map(|text| text.trim());
    trimmed
        .filter(|text| !text.is_empty())
        .map(network)
        .collect()
}

fn path_unless_empty<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<PathBuf>, D::Error> {
    let path = PathBuf::deserialize(deserializer)?;
    Ok((!path.as_os_str().is_empty()).then_some(path))
}
