//! The configuration: defaults, then a file, then the environment.

mod admin;
mod auth;
mod database;
mod http;
mod limits;
mod secret;
#[cfg(test)]
mod tests;
mod tls;
mod values;

use std::{
    collections::HashMap,
    env,
    ffi::OsString,
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use config::{Config, Environment, File, FileFormat};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use validator::Validate;

pub(crate) use self::{
    admin::Admin,
    auth::{Auth, IssuerSettings},
    database::Database,
    http::Http,
    limits::Limits,
    tls::{Tls, TlsFiles},
};

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
    #[serde(deserialize_with = "values::number")]
    #[validate(range(max = 1024))]
    pub(crate) worker_threads: u64,
    #[validate(nested)]
    pub(crate) http: Http,
    pub(crate) admin: Admin,
    #[validate(nested)]
    pub(crate) tls: Tls,
    #[validate(nested)]
    pub(crate) database: Database,
    pub(crate) embedded: Embedded,
    #[validate(nested)]
    pub(crate) auth: Auth,
    #[validate(nested)]
    pub(crate) limits: Limits,
    pub(crate) log: Log,
    /// From the environment alone, or a file that it names; never shown.
    #[serde(skip)]
    pub(crate) database_url: Option<SecretString>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Embedded {
    #[serde(deserialize_with = "values::path_unless_empty")]
    pub(crate) binaries: Option<PathBuf>,
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
        let database_url = secret::take(&mut variables, DATABASE_URL)?;
        // FLOWRUNS_CONFIG is no key, and an unknown name is refused.
        let named = variables.remove(FILE_VARIABLE).map(PathBuf::from);
        let mut sources = Config::builder();
        if let Some(file) = file.or(named.as_deref()) {
            sources = sources.add_source(File::from(file).format(FileFormat::Toml));
        }
        let environment = Environment::with_prefix(PREFIX)
            .prefix_separator("_")
            .separator("__")
            .source(Some(variables));
        let unreadable = "the configuration cannot be read";
        let set = sources
            .add_source(environment)
            .build()
            .context(unreadable)?;
        let merged = Config::builder()
            .add_source(File::from_str(DEFAULTS, FileFormat::Toml))
            .add_source(set.clone())
            .build()
            .context(unreadable)?;
        let mut settings: Self = merged
            .try_deserialize()
            .context("the configuration is wrong; config/default.toml lists every key")?;
        settings.database_url = database_url;
        settings.admin.is_set = set.get_string("admin.listen").is_ok();
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> anyhow::Result<()> {
        self.validate()
            .context("the configuration is out of range")?;
        self.limits.limits(flowruns_api::MinimumRate::default())?;
        self.tls.files()?;
        self.auth.check()?;
        if !self.auth.has_issuer() && !self.http.listen.ip().is_loopback() {
            bail!(
                "without an issuer the server listens on loopback only, not on {}; set FLOWRUNS_AUTH__ISSUER \
                 and FLOWRUNS_AUTH__AUDIENCE, or FLOWRUNS_HTTP__LISTEN=127.0.0.1:{}",
                self.http.listen,
                self.http.listen.port()
            );
        }
        Ok(())
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
        let is_secret = name.strip_suffix(secret::FILE_SUFFIX).unwrap_or(&name) == DATABASE_URL;
        if is_secret || is_key {
            // The value may be a secret.
            let Ok(value) = value.into_string() else {
                bail!("the environment variable {name} is not UTF-8; set it again");
            };
            ours.insert(name, value);
        }
    }
    Ok(ours)
}
