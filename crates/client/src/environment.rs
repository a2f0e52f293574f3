//! The options of a client that the environment names.

use std::{env, path::PathBuf, sync::Arc};

use reqwest::Url;

use crate::{
    ClientBuilder, ClientCredentials, CommandToken, ConfigError, FileToken, FixedToken,
    TokenProvider,
};

impl ClientBuilder {
    /// The options that the environment names:
    ///
    /// | variable | what |
    /// |---|---|
    /// | `FLOWRUNS_URL` | the base URL of the server |
    /// | `FLOWRUNS_TOKEN` | a token |
    /// | `FLOWRUNS_TOKEN_FILE` | a file with a token, read again when the token expires |
    /// | `FLOWRUNS_TOKEN_COMMAND` | a command that prints a token, run again when the token expires |
    /// | `FLOWRUNS_ISSUER`, `FLOWRUNS_CLIENT_ID`, `FLOWRUNS_CLIENT_SECRET_FILE`, `FLOWRUNS_SCOPE` (optional) | an application at an OpenID issuer |
    /// | `FLOWRUNS_SPOOL_DIR` | the spool folder; empty for none. Without it `flowruns/spool` in `$XDG_STATE_HOME`, else in `~/.local/state` |
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
}

/// The spool folder of this user; `None` without a home.
fn spool_folder(set: &impl Fn(&'static str) -> Option<String>) -> Option<PathBuf> {
    let state = set("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || Some(PathBuf::from(set("HOME")?).join(".local/state"));
    Some(state.or_else(home)?.join("flowruns/spool"))
}

fn parsed(name: &'static str, text: &str) -> Result<Url, ConfigError> {
    // Without the text: it may be a secret that was put into the wrong variable.
    let invalid =
        |error| ConfigError::Invalid { name, reason: format!("it is not a URL: {error}") };
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
