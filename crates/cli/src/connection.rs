//! Where the server is, and the tokens for it.

use std::{env, time::Duration};

use async_trait::async_trait;
use clap::Args;
use flowruns_client::{
    ClientBuilder, ConfigError, Timestamp, Token, TokenError, TokenProvider, blocking::Client,
    error_chain,
};

use crate::exit::Failure;

/// How long a command that reads tries to reach the server.
const READING_DEADLINE: Duration = Duration::from_secs(10);
const URL: &str = "FLOWRUNS_URL";

/// The options of each command that speaks to a server. A token is never an argument, since other users see arguments.
#[derive(Args, Clone, Debug)]
pub(crate) struct ConnectionArguments {
    /// The URL of the server [env: FLOWRUNS_URL] [default: the address in the configuration of a server on this machine]
    #[arg(long, value_name = "URL", help_heading = "Connection")]
    url: Option<String>,
}

/// Mints a token of a local key.
pub type MintToken = Box<dyn Fn() -> Result<String, String> + Send + Sync>;

/// The server whose data folder is on this machine. It is asked only for what the arguments and the environment do not say.
pub trait LocalServer {
    /// The URL at which it listens, as its configuration says.
    ///
    /// # Errors
    ///
    /// A sentence about a configuration that cannot be used.
    fn url(&self) -> Result<String, String>;

    /// Tokens of its local key. `None` when the data folder has no key, or when the server does not accept tokens of it.
    ///
    /// # Errors
    ///
    /// A sentence about a key that cannot be read.
    fn tokens(&self) -> Result<Option<MintToken>, String>;
}

impl ConnectionArguments {
    /// A builder with the URL, the tokens and the spool folder.
    ///
    /// # Errors
    ///
    /// [`Failure`] with the exit code for usage.
    pub(crate) fn builder(&self, local: &dyn LocalServer) -> Result<ClientBuilder, Failure> {
        let url = match self.url.clone().or_else(|| variable(URL)) {
            Some(url) => url,
            None => local.url().map_err(|error| {
                Failure::usage(format!(
                    "{URL} is not set, and the configuration of a server on this machine has no usable address: {error}"
                ))
            })?,
        };
        let builder = ClientBuilder::from_variables(|name| match name {
            URL => Some(url.clone()),
            name => env::var(name).ok(),
        });
        let builder = builder.map_err(|error| unusable(&error))?;
        if builder.has_tokens() {
            return Ok(builder);
        }
        // The key of this machine is of no use elsewhere, and its tokens are not shown to another server.
        let is_local = self.url.is_none() && variable(URL).is_none() || builder.is_local();
        let mint = if is_local { local.tokens().map_err(Failure::usage)? } else { None };
        mint.map(|mint| builder.tokens(LocalTokens(mint))).ok_or_else(|| {
            Failure::usage(format!(
                "there is no token for {url}; set FLOWRUNS_TOKEN, FLOWRUNS_TOKEN_FILE, FLOWRUNS_TOKEN_COMMAND or \
                 FLOWRUNS_ISSUER"
            ))
        })
    }

    /// A client of a command that reads. A person waits for it.
    pub(crate) fn reading_client(&self, local: &dyn LocalServer) -> Result<Client, Failure> {
        let builder = self.builder(local)?.deadline(READING_DEADLINE);
        Ok(builder.build().map_err(|error| unusable(&error))?.into())
    }

    /// A client with the defaults of [`Self::builder`].
    pub(crate) fn client(&self, local: &dyn LocalServer) -> Result<Client, Failure> {
        Ok(self.builder(local)?.build().map_err(|error| unusable(&error))?.into())
    }
}

/// The value of a variable that is set and not empty.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn unusable(error: &ConfigError) -> Failure {
    Failure::usage(error_chain(error))
}

struct LocalTokens(MintToken);

#[async_trait]
impl TokenProvider for LocalTokens {
    async fn fetch(&self, _now: Timestamp) -> Result<Token, TokenError> {
        let what = "the local key";
        let token = (self.0)().map_err(|error| TokenError::Unavailable {
            what: what.to_owned(),
            cause: error.into(),
        })?;
        Token::new(&token, what)
    }
}
