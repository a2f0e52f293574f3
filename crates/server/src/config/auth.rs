//! The section `auth`.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, bail};
use reqwest::Url;
use serde::{Deserialize, Serialize};
use validator::Validate;

use super::values;
use crate::issuers::{KeyLocation, trusted_url};

/// Stands for the tenant of a token in the name of its issuer.
const TENANT: &str = "{tenantid}";
/// OpenID Connect Discovery 1.0, section 4.
const WELL_KNOWN: &str = "/.well-known/openid-configuration";

#[derive(Debug, Deserialize, Serialize, Validate)]
#[serde(deny_unknown_fields)]
pub(crate) struct Auth {
    // One issuer, so that the environment can name it.
    issuer: String,
    #[serde(deserialize_with = "values::texts")]
    audience: Vec<String>,
    #[serde(deserialize_with = "values::text_unless_empty")]
    discovery_url: Option<String>,
    #[serde(deserialize_with = "values::text_unless_empty")]
    jwks_url: Option<String>,
    #[serde(deserialize_with = "values::path_unless_empty")]
    jwks_file: Option<PathBuf>,
    // And others.
    issuers: Vec<IssuerSettings>,
    #[serde(deserialize_with = "values::number")]
    #[validate(range(min = 1000, max = 604_800_000))]
    pub(crate) refresh_interval_ms: u64,
    #[serde(deserialize_with = "values::number")]
    #[validate(range(min = 100, max = 3_600_000))]
    pub(crate) refresh_cooldown_ms: u64,
    #[serde(deserialize_with = "values::number")]
    #[validate(range(min = 100, max = 60_000))]
    pub(crate) fetch_timeout_ms: u64,
}

/// Whose tokens are taken.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IssuerSettings {
    pub(crate) issuer: String,
    #[serde(deserialize_with = "values::texts")]
    pub(crate) audience: Vec<String>,
    #[serde(default, deserialize_with = "values::text_unless_empty")]
    discovery_url: Option<String>,
    #[serde(default, deserialize_with = "values::text_unless_empty")]
    jwks_url: Option<String>,
    #[serde(default, deserialize_with = "values::path_unless_empty")]
    jwks_file: Option<PathBuf>,
}

impl Auth {
    /// The keys that say whose tokens are accepted.
    pub(super) const ISSUER_KEYS: [&str; 6] = [
        "issuer",
        "audience",
        "discovery_url",
        "jwks_url",
        "jwks_file",
        "issuers",
    ];

    /// Whether tokens come from issuers rather than from the local key.
    pub(crate) fn has_issuer(&self) -> bool {
        self.names_one() || !self.issuers.is_empty()
    }

    /// The issuers of the file and of the environment.
    pub(crate) fn all_issuers(&self) -> Vec<IssuerSettings> {
        let named = self.names_one().then(|| IssuerSettings {
            issuer: self.issuer.clone(),
            audience: self.audience.clone(),
            discovery_url: self.discovery_url.clone(),
            jwks_url: self.jwks_url.clone(),
            jwks_file: self.jwks_file.clone(),
        });
        named.into_iter().chain(self.issuers.clone()).collect()
    }

    pub(crate) const fn fetch_timeout(&self) -> Duration {
        Duration::from_millis(self.fetch_timeout_ms)
    }

    fn names_one(&self) -> bool {
        !self.issuer.is_empty()
            || !self.audience.is_empty()
            || self.discovery_url.is_some()
            || self.jwks_url.is_some()
            || self.jwks_file.is_some()
    }

    pub(super) fn check(&self) -> anyhow::Result<()> {
        if self.names_one() && (self.issuer.is_empty() || self.audience.is_empty()) {
            bail!(
                "auth.issuer and auth.audience are needed together, so that tokens of others are refused"
            );
        }
        let mut names = Vec::new();
        for settings in self.all_issuers() {
            let name = settings.issuer.clone();
            settings
                .check()
                .with_context(|| format!("the issuer {name:?} of the section auth"))?;
            if names.contains(&name) {
                bail!("the issuer {name:?} is configured twice; give it several audiences instead");
            }
            names.push(name);
        }
        Ok(())
    }
}

impl IssuerSettings {
    /// Where its keys are.
    pub(crate) fn key_location(&self) -> anyhow::Result<KeyLocation> {
        match (&self.discovery_url, &self.jwks_url, &self.jwks_file) {
            (None, None, Some(file)) => Ok(KeyLocation::File(file.clone())),
            (None, Some(url), None) => Ok(KeyLocation::Url(trusted_url(url)?)),
            (Some(url), None, None) => Ok(self.discovery(trusted_url(url)?)),
            (None, None, None) if self.issuer.contains(TENANT) => bail!(
                "its name stands for many issuers, so discovery_url, jwks_url or jwks_file must say where its keys are"
            ),
            (None, None, None) => {
                let root = self.issuer.trim_end_matches('/');
                Ok(self.discovery(trusted_url(&format!("{root}{WELL_KNOWN}"))?))
            }
            _ => bail!("discovery_url, jwks_url and jwks_file exclude each other"),
        }
    }

    fn discovery(&self, document: Url) -> KeyLocation {
        KeyLocation::Discovery {
            document,
            issuer: self.issuer.clone(),
        }
    }

    fn check(&self) -> anyhow::Result<()> {
        if self.issuer.is_empty() {
            bail!("issuer is empty");
        }
        if self.audience.is_empty() {
            bail!("audience is empty, so tokens for others would be taken; name one or several");
        }
        self.key_location().map(drop)
    }
}
