//! The section `auth`.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use reqwest::Url;
use serde::{Deserialize, Serialize};
use validator::Validate;

use super::{
    dashboard::SignInSettings,
    trusted_url::trusted_url,
    values::{self, Millis},
};

/// The placeholder for the tenant of a token in the name of its issuer.
const TENANT: &str = "{tenantid}";
/// OpenID Connect Discovery 1.0, section 4.
const WELL_KNOWN: &str = "/.well-known/openid-configuration";

#[derive(Debug, Deserialize, Serialize, Validate)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuthSettings {
    // The keys of one issuer, which the environment can set.
    issuer: String,
    #[serde(deserialize_with = "values::texts")]
    audience: Vec<String>,
    #[serde(deserialize_with = "values::text_unless_empty")]
    discovery_url: Option<String>,
    #[serde(deserialize_with = "values::text_unless_empty")]
    jwks_url: Option<String>,
    #[serde(deserialize_with = "values::path_unless_empty")]
    jwks_file: Option<PathBuf>,
    // More issuers, from a file only.
    issuers: Vec<IssuerSettings>,
    #[validate(range(min = 1000, max = 604_800_000))]
    pub(crate) refresh_interval_ms: Millis,
    #[validate(range(min = 100, max = 3_600_000))]
    pub(crate) refresh_cooldown_ms: Millis,
    #[validate(range(min = 100, max = 60_000))]
    pub(crate) fetch_timeout_ms: Millis,
    pub(super) dashboard: SignInSettings,
}

/// Where the keys of an issuer are.
#[derive(Clone, Debug)]
pub(crate) enum KeyLocation {
    /// The OpenID discovery document names their URL.
    Discovery {
        document: Url,
        /// The name that the document must give the issuer.
        issuer: String,
    },
    Url(Url),
    File(PathBuf),
}

/// An issuer whose tokens are accepted.
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

impl AuthSettings {
    /// The keys of the configuration that name issuers.
    pub(super) const ISSUER_KEYS: [&str; 6] =
        ["issuer", "audience", "discovery_url", "jwks_url", "jwks_file", "issuers"];

    /// Whether the tokens of issuers are accepted, and not those of the local key.
    pub(crate) fn has_issuer(&self) -> bool {
        self.names_one() || !self.issuers.is_empty()
    }

    /// Whether people sign in to the dashboard at an issuer.
    pub(crate) const fn signs_people_in(&self) -> bool {
        self.dashboard.is_set()
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
                "auth.issuer and auth.audience must be set together, so that tokens for other audiences are rejected"
            );
        }
        let mut names = Vec::new();
        for settings in self.all_issuers() {
            let name = settings.issuer.clone();
            settings.check().with_context(|| format!("the issuer {name:?} of the section auth"))?;
            if names.contains(&name) {
                bail!("the issuer {name:?} is configured twice; give it several audiences instead");
            }
            names.push(name);
        }
        self.dashboard_issuer().map(drop)
    }
}

impl IssuerSettings {
    /// Where the keys are, according to the configuration.
    ///
    /// # Errors
    ///
    /// Several locations, none for a name with a placeholder, or a URL that must not be trusted.
    pub(crate) fn key_location(&self) -> anyhow::Result<KeyLocation> {
        match (&self.discovery_url, &self.jwks_url, &self.jwks_file) {
            (None, None, Some(file)) => Ok(KeyLocation::File(file.clone())),
            (None, Some(url), None) => Ok(KeyLocation::Url(trusted_url(url)?)),
            (Some(url), None, None) => Ok(self.discovery(trusted_url(url)?)),
            (None, None, None) if self.issuer.contains(TENANT) => bail!(
                "its name contains {TENANT}, so discovery_url, jwks_url or jwks_file must say where its keys are"
            ),
            (None, None, None) => Ok(self.discovery(self.discovery_document()?)),
            _ => bail!("discovery_url, jwks_url and jwks_file exclude each other"),
        }
    }

    /// The URL of the discovery document, also where the keys come from elsewhere.
    ///
    /// # Errors
    ///
    /// A name that is no trusted URL or has a placeholder, without a `discovery_url`.
    pub(super) fn discovery_document(&self) -> anyhow::Result<Url> {
        match &self.discovery_url {
            Some(url) => trusted_url(url),
            None if self.issuer.contains(TENANT) => bail!(
                "its name contains {TENANT}, so discovery_url must say where its discovery document is"
            ),
            None => {
                let root = self.issuer.trim_end_matches('/');
                trusted_url(&format!("{root}{WELL_KNOWN}"))
            }
        }
    }

    fn discovery(&self, document: Url) -> KeyLocation {
        KeyLocation::Discovery { document, issuer: self.issuer.clone() }
    }

    fn check(&self) -> anyhow::Result<()> {
        if self.issuer.is_empty() {
            bail!("issuer is empty");
        }
        if self.audience.is_empty() {
            bail!(
                "audience is empty, so tokens for other services would be accepted; set one or several"
            );
        }
        self.key_location().map(drop)
    }
}
