//! The port of token providers, and the simple ones.

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use flowruns_domain::timestamp::Timestamp;
use http::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;

use super::expiry;
use crate::JobError;

/// A token is at most this long, in bytes.
pub(super) const MAX_TOKEN_BYTES: usize = 64 * 1024;

/// Why there is no token.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The source cannot be used at this moment.
    #[error("{what} is not available")]
    Unavailable {
        /// The source.
        what: String,
        /// Why.
        #[source]
        cause: JobError,
    },
    /// What the source gave is no token: empty, too long, or with characters that no header can have.
    #[error("{what} has no token")]
    Malformed {
        /// The source.
        what: String,
    },
    /// The source is misconfigured.
    #[error("{what} cannot be used: {reason}")]
    Misconfigured {
        /// The source.
        what: String,
        /// What to change.
        reason: String,
    },
}

impl TokenError {
    /// Whether asking again later could help.
    pub(crate) const fn is_temporary(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    pub(super) fn unavailable(what: impl Into<String>, cause: impl Into<JobError>) -> Self {
        Self::Unavailable { what: what.into(), cause: cause.into() }
    }
}

/// A bearer token and its end, if it is known. `Debug` does not show it.
#[derive(Clone, Debug)]
pub struct Token {
    secret: Arc<SecretString>,
    expires: Option<Timestamp>,
}

impl Token {
    /// A token. If it is a JWT, its end is read from the claim `exp`.
    ///
    /// # Errors
    ///
    /// [`TokenError::Malformed`], which names the source `what`.
    pub fn new(text: &str, what: &str) -> Result<Self, TokenError> {
        let text = text.trim();
        let is_usable = !text.is_empty()
            && text.len() <= MAX_TOKEN_BYTES
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_usable {
            return Err(TokenError::Malformed { what: what.to_owned() });
        }
        Ok(Self { secret: Arc::new(text.into()), expires: expiry::of_jwt(text) })
    }

    /// The same token with another end.
    #[must_use]
    pub const fn expiring(mut self, at: Option<Timestamp>) -> Self {
        self.expires = at;
        self
    }

    /// When it expires, if that is known.
    pub const fn expires(&self) -> Option<Timestamp> {
        self.expires
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.secret.expose_secret() == other.secret.expose_secret()
    }

    pub(crate) fn bearer(&self) -> HeaderValue {
        let text = format!("Bearer {}", self.secret.expose_secret());
        // The characters were checked.
        let mut value =
            HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("Bearer"));
        value.set_sensitive(true);
        value
    }
}

/// A source of tokens. It is asked when there is no token, shortly before the token expires, and once after a response 401.
#[async_trait]
pub trait TokenProvider: Send + Sync + 'static {
    /// Gets a token. `now` is the time of the client's clock.
    ///
    /// # Errors
    ///
    /// [`TokenError`]; after [`TokenError::Unavailable`] it is asked again.
    async fn fetch(&self, now: Timestamp) -> Result<Token, TokenError>;
}

/// Always the same token.
#[derive(Debug)]
pub struct FixedToken(Token);

impl FixedToken {
    /// A token from a text.
    ///
    /// # Errors
    ///
    /// [`TokenError::Malformed`].
    pub fn new(text: &str) -> Result<Self, TokenError> {
        Token::new(text, "the token").map(Self)
    }
}

#[async_trait]
impl TokenProvider for FixedToken {
    async fn fetch(&self, _now: Timestamp) -> Result<Token, TokenError> {
        Ok(self.0.clone())
    }
}

/// A token in a file, which another program replaces, such as the agent of a cluster.
#[derive(Debug)]
pub struct FileToken(PathBuf);

impl FileToken {
    /// The file is read when a token is needed.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }
}

#[async_trait]
impl TokenProvider for FileToken {
    async fn fetch(&self, _now: Timestamp) -> Result<Token, TokenError> {
        let what = format!("the token file {}", self.0.display());
        let text = read_small(self.0.clone()).await;
        let text = text.map_err(|error| unreadable(&what, error))?;
        Token::new(&text, &what)
    }
}

/// A file that does not exist or may not be read is not waited for.
pub(super) fn unreadable(what: &str, error: JobError) -> TokenError {
    use std::io::{Error, ErrorKind};
    match error.downcast_ref::<Error>().map(Error::kind) {
        Some(ErrorKind::NotFound | ErrorKind::PermissionDenied) => {
            TokenError::Misconfigured { what: what.to_owned(), reason: error.to_string() }
        }
        _ => TokenError::unavailable(what, error),
    }
}

/// Reads a small text file outside of the client's thread.
pub(super) async fn read_small(path: PathBuf) -> Result<String, JobError> {
    use std::io::Read as _;
    let read = move || {
        let mut text = String::new();
        let most = MAX_TOKEN_BYTES as u64 + 1;
        std::fs::File::open(path)?.take(most).read_to_string(&mut text)?;
        Ok::<_, std::io::Error>(text)
    };
    Ok(tokio::task::spawn_blocking(read).await??)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_never_shown_and_must_fit_into_a_header() {
        let token = Token::new(" secret-of-a-test\n", "the test").unwrap();
        assert!(!format!("{token:?}").contains("secret-of"), "{token:?}");
        assert!(!format!("{:?}", token.bearer()).contains("secret-of"));
        assert_eq!(token.bearer().to_str().unwrap(), "Bearer secret-of-a-test");
        for text in ["", " \n", "two words", "a\nb", "\u{e9}", &"x".repeat(MAX_TOKEN_BYTES + 1)] {
            assert!(matches!(Token::new(text, "the test"), Err(TokenError::Malformed { .. })));
        }
    }
}
