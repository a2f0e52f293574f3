//! Fetches the keys of an issuer.

use std::{
    fmt,
    path::{Path, PathBuf},
    pin::Pin,
};

use anyhow::{Context as _, bail};
use flowruns_embedded::read_regular_file;
use flowruns_http::auth::{FetchError, FetchKeys, KeySet};
use reqwest::Url;
use serde::Deserialize;

use super::{
    http::{Http, HttpResponse},
    url::discovered_url,
};
use crate::config::KeyLocation;

/// The members of a discovery document that are used.
#[derive(Deserialize)]
struct DiscoveryDocument {
    issuer: String,
    jwks_uri: String,
}

/// Fetches the keys of one issuer.
pub(super) enum KeyFetcher {
    Discovery { document: Url, issuer: String, http: Http },
    Url(Url, Http),
    File(PathBuf),
}

impl KeyFetcher {
    pub(super) fn new(location: KeyLocation) -> anyhow::Result<Self> {
        Ok(match location {
            KeyLocation::Discovery { document, issuer } => {
                Self::Discovery { document, issuer, http: Http::new()? }
            }
            KeyLocation::Url(url) => Self::Url(url, Http::new()?),
            KeyLocation::File(path) => Self::File(path),
        })
    }

    async fn attempt(&self) -> anyhow::Result<Vec<u8>> {
        match self {
            Self::Discovery { document, issuer, http } => discover(document, issuer, http).await,
            Self::Url(url, http) => Ok(http.get(url).await?.body),
            Self::File(path) => read(path).await,
        }
    }
}

/// Fetches the document and then the keys. The document is fetched each time, since the URL of the keys may change.
async fn discover(document: &Url, issuer: &str, http: &Http) -> anyhow::Result<Vec<u8>> {
    let HttpResponse { body, is_internal } = http.get(document).await?;
    let discovered: DiscoveryDocument = serde_json::from_slice(&body)
        .with_context(|| format!("{document} is not a discovery document"))?;
    if discovered.issuer != issuer {
        bail!("{document} is the document of another issuer, {:?}", discovered.issuer);
    }
    let keys = discovered_url(&discovered.jwks_uri, document).context("its jwks_uri")?;
    let fetched = match is_internal {
        true => http.get(&keys).await,
        false => http.get_public(&keys).await,
    };
    Ok(fetched?.body)
}

/// Reads outside of the worker threads, since the file may be on a slow disk.
async fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let path = path.to_owned();
    let read = move || read_regular_file(&path, KeySet::MAX_BYTES as u64);
    Ok(tokio::task::spawn_blocking(read).await??)
}

impl fmt::Display for KeyFetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Discovery { document, .. } => write!(f, "the key set that {document} names"),
            Self::Url(url, _) => write!(f, "the key set {url}"),
            Self::File(path) => write!(f, "the key set {}", path.display()),
        }
    }
}

impl FetchKeys for KeyFetcher {
    fn fetch(&self) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, FetchError>> + Send + '_>> {
        Box::pin(async move {
            let fetched = self.attempt().await;
            fetched.with_context(|| format!("{self} cannot be read")).map_err(FetchError::from)
        })
    }
}
