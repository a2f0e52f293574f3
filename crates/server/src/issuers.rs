//! The issuers of the configuration, and how their keys are fetched.

mod fetch;
mod http;
mod resolver;
mod url;

use std::time::Duration;

use anyhow::{Context as _, bail};
use flowruns_api::auth::{
    FetchKeys as _, FetchedKeys, Issuer, KeySet, RefreshOptions, TokenPolicy, TokenVerifier,
};
use tokio::time::timeout;

use self::fetch::KeyFetcher;
pub(crate) use self::{fetch::KeyLocation, url::trusted_url};
use crate::config::{Auth, IssuerSettings};

/// Seconds of clock skew that tokens of an issuer are granted.
const LEEWAY: u64 = 60;

/// How many requests may wait until the keys of one issuer have been fetched. Each holds its head, 64 KiB at most by default.
const MAX_WAITING: usize = 256;

/// Verifies the tokens of all issuers. A file that cannot be read is refused; an issuer that is away is not, since it may
/// come back: until then its tokens are 503.
pub(crate) async fn verifier(auth: &Auth) -> anyhow::Result<TokenVerifier> {
    let options = RefreshOptions {
        interval: Duration::from_millis(auth.refresh_interval_ms),
        cooldown: Duration::from_millis(auth.refresh_cooldown_ms),
        timeout: auth.fetch_timeout(),
        max_waiting: MAX_WAITING,
    };
    let mut issuers = Vec::new();
    for settings in auth.all_issuers() {
        let location = settings.key_location()?;
        let is_file = matches!(location, KeyLocation::File(_));
        let fetcher = KeyFetcher::new(location)?;
        if is_file {
            try_once(&fetcher, auth.fetch_timeout()).await?;
        }
        let keys = FetchedKeys::start(settings.issuer.clone(), fetcher, options);
        issuers.push(Issuer::with_fetched_keys(token_policy(settings), keys));
    }
    Ok(TokenVerifier::of_issuers(issuers))
}

/// What each issuer answers now, a line each.
///
/// # Errors
///
/// The first that gives no key set.
pub(crate) async fn look(auth: &Auth) -> anyhow::Result<Vec<String>> {
    let mut lines = Vec::new();
    for settings in auth.all_issuers() {
        let name = &settings.issuer;
        let fetcher = KeyFetcher::new(settings.key_location()?)?;
        let keys = try_once(&fetcher, auth.fetch_timeout())
            .await
            .with_context(|| format!("the issuer {name:?}"))?;
        lines.push(format!(
            "the issuer {name:?} has {} keys",
            keys.usable_keys()
        ));
    }
    Ok(lines)
}

async fn try_once(fetcher: &KeyFetcher, longest: Duration) -> anyhow::Result<KeySet> {
    let Ok(fetched) = timeout(longest, fetcher.fetch()).await else {
        bail!("its keys did not come within {longest:?}");
    };
    let json = fetched.map_err(anyhow::Error::from_boxed)?;
    KeySet::from_jwks(&json).with_context(|| fetcher.to_string())
}

fn token_policy(settings: IssuerSettings) -> TokenPolicy {
    TokenPolicy {
        issuer: settings.issuer,
        audiences: settings.audience,
        leeway_seconds: LEEWAY,
    }
}
