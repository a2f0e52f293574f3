//! The settings of the command that opens the dashboard.

use std::{
    env,
    ffi::OsString,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
};

use anyhow::{Context as _, bail};

use super::{TokenSettings, sources::Sources};

/// Where the server is, and the folder of its local key; the rest of the configuration may be invalid.
#[derive(Debug)]
pub(crate) struct OpenSettings {
    pub(crate) token: TokenSettings,
    /// `dashboard.public_url`, if it is set.
    public_url: String,
    listen: String,
    uses_tls: bool,
}

impl OpenSettings {
    /// # Errors
    ///
    /// As [`TokenSettings::load`].
    pub(crate) fn load(file: Option<&Path>) -> anyhow::Result<Self> {
        Self::merge(file, env::vars_os())
    }

    fn merge(
        file: Option<&Path>,
        environment: impl Iterator<Item = (OsString, OsString)>,
    ) -> anyhow::Result<Self> {
        let sources = Sources::read(file, environment)?;
        let text = |key: &str| match sources.value(key) {
            Some(serde_json::Value::String(text)) => text.trim().to_owned(),
            _ => String::new(),
        };
        let mut token = TokenSettings::of(&sources)?;
        // With a misspelled key the link would lead elsewhere.
        token.warnings = sources.unknown(|section| matches!(section, "" | "http" | "dashboard"));
        Ok(Self {
            token,
            public_url: text("dashboard.public_url"),
            listen: text("http.listen"),
            uses_tls: !text("tls.certificate_file").is_empty(),
        })
    }

    /// The URL under which a browser on this machine reaches the server, without a `/` at its end.
    ///
    /// # Errors
    ///
    /// An address that is malformed, or whose port is chosen at the start of the server.
    pub(crate) fn url(&self) -> anyhow::Result<String> {
        if !self.public_url.is_empty() {
            return Ok(self.public_url.trim_end_matches('/').to_owned());
        }
        let mut address: SocketAddr = self.listen.parse().with_context(|| {
            format!("http.listen {:?} is not an address and a port", self.listen)
        })?;
        if address.port() == 0 {
            bail!(
                "http.listen has the port 0, so only the server knows its port; name its URL with --url"
            );
        }
        if address.ip().is_unspecified() {
            address.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        let scheme = if self.uses_tls { "https" } else { "http" };
        Ok(format!("{scheme}://{address}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(variables: &[(&str, &str)]) -> Result<String, String> {
        let variables = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        let settings = OpenSettings::merge(None, variables).map_err(|error| error.to_string())?;
        settings.url().map_err(|error| error.to_string())
    }

    #[test]
    fn the_url_is_the_public_one_or_that_of_the_listener() {
        assert_eq!(url(&[]).unwrap(), "http://127.0.0.1:8080");
        assert_eq!(url(&[("FLOWRUNS_HTTP__LISTEN", "[::1]:9")]).unwrap(), "http://[::1]:9");
        assert_eq!(url(&[("FLOWRUNS_HTTP__LISTEN", "0.0.0.0:9")]).unwrap(), "http://127.0.0.1:9");
        let tls = [("FLOWRUNS_TLS__CERTIFICATE_FILE", "/cert.pem")];
        assert_eq!(url(&tls).unwrap(), "https://127.0.0.1:8080");
        let public = [("FLOWRUNS_DASHBOARD__PUBLIC_URL", "https://flows.example/team/")];
        assert_eq!(url(&public).unwrap(), "https://flows.example/team");
        for listen in ["127.0.0.1:0", "nonsense"] {
            assert!(url(&[("FLOWRUNS_HTTP__LISTEN", listen)]).is_err(), "{listen}");
        }
    }
}
