//! The configuration: defaults, then a file, then the environment.

mod admin;
mod auth;
mod dashboard;
mod database;
mod environment;
mod http;
mod keys;
mod limits;
mod open;
mod out_of_range;
mod secret;
mod sources;
#[cfg(test)]
mod tests;
mod tls;
mod trusted_url;
mod values;

use std::{
    env,
    ffi::OsString,
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use validator::Validate;

use self::sources::Sources;
pub(crate) use self::{
    admin::AdminSettings,
    auth::{AuthSettings, IssuerSettings, KeyLocation},
    dashboard::{DashboardIssuer, DashboardSettings},
    database::DatabaseSettings,
    http::HttpSettings,
    limits::LimitSettings,
    open::OpenSettings,
    tls::{TlsFiles, TlsSettings},
    trusted_url::{is_loopback, trusted_url},
};

const DEFAULTS: &str = include_str!("../config/default.toml");
/// Names the file that overrides the defaults.
const FILE_VARIABLE: &str = "FLOWRUNS_CONFIG";
const PREFIX: &str = "FLOWRUNS";
const DATABASE_URL: &str = "DATABASE_URL";

/// The whole configuration.
#[derive(Debug, Deserialize, Serialize, Validate)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) data_dir: PathBuf,
    #[validate(range(max = 1024))]
    pub(crate) worker_threads: u64,
    #[validate(nested)]
    pub(crate) http: HttpSettings,
    pub(crate) admin: AdminSettings,
    #[validate(nested)]
    pub(crate) tls: TlsSettings,
    #[validate(nested)]
    pub(crate) database: DatabaseSettings,
    pub(crate) embedded: EmbeddedSettings,
    #[validate(nested)]
    pub(crate) auth: AuthSettings,
    pub(crate) dashboard: DashboardSettings,
    #[validate(nested)]
    pub(crate) limits: LimitSettings,
    pub(crate) log: LogSettings,
    /// From the environment, or from a file that it names; never shown.
    #[serde(skip)]
    pub(crate) database_url: Option<SecretString>,
}

/// The settings of commands that work only on the database: nothing about the API or its callers.
#[derive(Debug, Deserialize, Validate)]
pub(crate) struct StorageSettings {
    pub(crate) data_dir: PathBuf,
    #[validate(nested)]
    pub(crate) database: DatabaseSettings,
    pub(crate) embedded: EmbeddedSettings,
    pub(crate) log: LogSettings,
    #[serde(skip)]
    pub(crate) database_url: Option<SecretString>,
}

/// The settings of the command that mints a token.
#[derive(Debug, Deserialize)]
pub(crate) struct TokenSettings {
    pub(crate) data_dir: PathBuf,
    /// Whether the server accepts the tokens of issuers, and not those of the local key.
    #[serde(skip)]
    pub(crate) has_issuer: bool,
    /// A sentence for each unknown name that could concern the data folder.
    #[serde(skip)]
    pub(crate) warnings: Vec<String>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EmbeddedSettings {
    #[serde(deserialize_with = "values::path_unless_empty")]
    pub(crate) binaries: Option<PathBuf>,
    pub(crate) install: InstallSetting,
}

/// Whether PostgreSQL is downloaded if it is not installed.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum InstallSetting {
    Auto,
    Never,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogSettings {
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
    /// The worker threads of the runtime. By default half of the cores: PostgreSQL uses the other half, and more threads cost
    /// more for passing reports between them than they gain.
    pub(crate) fn worker_threads(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        match usize::try_from(self.worker_threads) {
            Ok(0) | Err(_) => cores().div_ceil(2),
            Ok(threads) => threads,
        }
    }

    /// Merges defaults, the file (the argument, or what FLOWRUNS_CONFIG names) and the environment.
    ///
    /// # Errors
    ///
    /// Any value or name that is wrong, in any section.
    pub(crate) fn load(file: Option<&Path>) -> anyhow::Result<Self> {
        Self::merge(file, env::vars_os())
    }

    pub(crate) fn merge(
        file: Option<&Path>,
        environment: impl Iterator<Item = (OsString, OsString)>,
    ) -> anyhow::Result<Self> {
        let sources = Sources::read(file, environment)?;
        sources.reject_unknown(|_section| true)?;
        let mut settings: Self = sources.get()?;
        settings.database_url = sources.database_url()?;
        settings.admin.is_set = sources.is_set("admin.listen");
        settings.check()?;
        Ok(settings)
    }

    /// The settings of commands that work only on the database.
    pub(crate) fn storage(&self) -> StorageSettings {
        StorageSettings {
            data_dir: self.data_dir.clone(),
            database: self.database.clone(),
            embedded: self.embedded.clone(),
            log: self.log.clone(),
            database_url: self.database_url.clone(),
        }
    }

    fn check(&self) -> anyhow::Result<()> {
        self.validate()
            .map_err(|errors| out_of_range::describe(&errors))
            .context("the configuration is out of range")?;
        self.limits.limits(self.http.minimum_rate())?;
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
        let has_public_url = self.dashboard.public_url()?.is_some();
        if self.auth.signs_people_in() && !has_public_url && !self.http.listen.ip().is_loopback() {
            bail!(
                "auth.dashboard is configured, so dashboard.public_url must be the URL under which browsers reach this \
                 server, such as https://flowruns.example.com: the issuer sends people back to it"
            );
        }
        Ok(())
    }
}

impl StorageSettings {
    /// The sections that are checked for unknown names, since a misspelled key could select another database.
    const SECTIONS: [&str; 4] = ["", "database", "embedded", "log"];

    /// As [`Settings::load`], for these sections only.
    ///
    /// # Errors
    ///
    /// Any value or name in these sections that is wrong.
    pub(crate) fn load(file: Option<&Path>) -> anyhow::Result<Self> {
        Self::merge(file, env::vars_os())
    }

    fn merge(
        file: Option<&Path>,
        environment: impl Iterator<Item = (OsString, OsString)>,
    ) -> anyhow::Result<Self> {
        let sources = Sources::read(file, environment)?;
        sources.reject_unknown(|section| Self::SECTIONS.contains(&section))?;
        let mut settings: Self = sources.get()?;
        settings.database_url = sources.database_url()?;
        settings
            .validate()
            .map_err(|errors| out_of_range::describe(&errors))
            .context("the configuration is out of range")?;
        Ok(settings)
    }
}

impl TokenSettings {
    /// Reads the folder of the local key and whether issuers are configured, even if other parts of the configuration
    /// are invalid.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, or a folder that is not a path.
    pub(crate) fn load(file: Option<&Path>) -> anyhow::Result<Self> {
        Self::merge(file, env::vars_os())
    }

    fn merge(
        file: Option<&Path>,
        environment: impl Iterator<Item = (OsString, OsString)>,
    ) -> anyhow::Result<Self> {
        Self::of(&Sources::read(file, environment)?)
    }

    fn of(sources: &Sources) -> anyhow::Result<Self> {
        let mut settings: Self = sources.get()?;
        settings.has_issuer = AuthSettings::ISSUER_KEYS.iter().any(|key| {
            match sources.value(&format!("auth.{key}")) {
                Some(Value::String(text)) => !text.is_empty(),
                Some(Value::Array(items)) => !items.is_empty(),
                _ => false,
            }
        });
        // With a misspelled `data_dir` the command would create a key that no server knows.
        settings.warnings = sources.unknown(|section| section.is_empty());
        Ok(settings)
    }
}
