//! The section `dashboard`, and the part `auth.dashboard` of the section `auth`: how people sign in.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use reqwest::Url;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{auth::AuthSettings, secret, trusted_url::trusted_url, values};

/// The scope that makes a request one of OpenID Connect.
const OPENID: &str = "openid";

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DashboardSettings {
    pub(crate) enabled: bool,
    #[serde(deserialize_with = "values::text_unless_empty")]
    public_url: Option<String>,
}

/// How the dashboard is known to an issuer.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignInSettings {
    client_id: String,
    #[serde(deserialize_with = "values::path_unless_empty")]
    client_secret_file: Option<PathBuf>,
    scope: String,
    issuer: String,
}

/// The issuer at which people sign in, and how the dashboard is known there.
#[derive(Debug)]
pub(crate) struct DashboardIssuer {
    /// The claim `iss` of its tokens, possibly with a placeholder for the tenant.
    pub(crate) issuer: String,
    /// Its discovery document, which names its end points.
    pub(crate) document: Url,
    pub(crate) client_id: String,
    pub(crate) client_secret: Option<SecretString>,
    pub(crate) scope: String,
}

impl DashboardSettings {
    /// The URL under which browsers reach this server, without a `/` at its end. `None`: as each request says.
    ///
    /// # Errors
    ///
    /// A URL that is not https (or http on loopback), or that has more than a host, a port and a path.
    pub(crate) fn public_url(&self) -> anyhow::Result<Option<Url>> {
        let Some(text) = &self.public_url else {
            return Ok(None);
        };
        let mut url = trusted_url(text).context("dashboard.public_url")?;
        if url.query().is_some() || url.fragment().is_some() {
            bail!(
                "dashboard.public_url has a query or a fragment; it ends with the path below which the server is"
            );
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(Some(url))
    }
}

impl SignInSettings {
    /// Whether people may sign in at an issuer.
    pub(super) const fn is_set(&self) -> bool {
        !self.client_id.is_empty()
    }

    fn check(&self) -> anyhow::Result<()> {
        if !self.is_set() && (self.client_secret_file.is_some() || !self.issuer.is_empty()) {
            bail!(
                "auth.dashboard.client_id is empty; set it to the id that the issuer gave the dashboard"
            );
        }
        let is_printable = |text: &str| text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if !is_printable(&self.client_id) || !is_printable(&self.scope) {
            bail!("auth.dashboard.client_id and scope must be printable ASCII");
        }
        if self.is_set() && !self.scope.split(' ').any(|scope| scope == OPENID) {
            bail!(
                "auth.dashboard.scope must contain {OPENID}, not only {:?}; set it to \"{OPENID} profile\" and the scope of this API",
                self.scope
            );
        }
        Ok(())
    }
}

impl AuthSettings {
    /// The issuer at which people sign in, if `auth.dashboard` names one.
    ///
    /// # Errors
    ///
    /// Several issuers without a choice, an unknown one, one whose discovery document is not known, a secret that cannot be
    /// read, or a scope without `openid`.
    pub(crate) fn dashboard_issuer(&self) -> anyhow::Result<Option<DashboardIssuer>> {
        let settings = &self.dashboard;
        settings.check()?;
        if !settings.is_set() {
            return Ok(None);
        }
        let issuers = self.all_issuers();
        let mut chosen = issuers
            .iter()
            .filter(|issuer| settings.issuer.is_empty() || issuer.issuer == settings.issuer);
        let issuer = match (chosen.next(), chosen.next()) {
            (Some(issuer), None) => issuer,
            (Some(_), Some(_)) => bail!(
                "several issuers are configured; auth.dashboard.issuer must name the one at which people sign in"
            ),
            (None, _) if issuers.is_empty() => bail!(
                "auth.dashboard.client_id is set without an issuer; set auth.issuer and auth.audience too"
            ),
            (None, _) => bail!(
                "auth.dashboard.issuer {:?} is not one of the configured issuers",
                settings.issuer
            ),
        };
        let secret = settings.client_secret_file.as_deref().map(secret::read_file);
        Ok(Some(DashboardIssuer {
            issuer: issuer.issuer.clone(),
            document: issuer.discovery_document().with_context(|| {
                format!("auth.dashboard: the discovery document of {:?}", issuer.issuer)
            })?,
            client_id: settings.client_id.clone(),
            client_secret: secret.transpose().context("auth.dashboard.client_secret_file")?,
            scope: settings.scope.clone(),
        }))
    }
}
