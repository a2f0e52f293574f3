//! The verification of the tokens of the configured issuers, with keys that are fetched.

mod fetch;
mod http;
mod provider;
mod resolver;
mod url;

use std::time::Duration;

use anyhow::{Context as _, bail};
use flowruns_http::auth::{
    FetchKeys as _, FetchedKeys, Issuer, KeySet, RefreshOptions, TokenPolicy, TokenVerifier,
};
use tokio::time::timeout;

use self::fetch::KeyFetcher;
pub(crate) use self::provider::{EndPoints, Exchange, Provider, Tokens};
use crate::config::{AuthSettings, IssuerSettings, KeyLocation};

/// The clock skew that is tolerated for tokens of an issuer, in seconds.
const LEEWAY: u64 = 60;

/// How many requests may wait for the keys of one issuer. Each holds its head, by default at most 64 KiB.
const MAX_WAITING: usize = 256;

/// Creates the verifier for the tokens of all issuers. A file that cannot be read is an error. An issuer that cannot be reached is
/// not, since it may be reachable later; until then requests with its tokens get 503.
pub(crate) async fn verifier(auth: &AuthSettings) -> anyhow::Result<TokenVerifier> {
    let options = RefreshOptions {
        interval: auth.refresh_interval_ms.duration(),
        cooldown: auth.refresh_cooldown_ms.duration(),
        timeout: auth.fetch_timeout_ms.duration(),
        max_waiting: MAX_WAITING,
    };
    let mut issuers = Vec::new();
    for settings in auth.all_issuers() {
        let location = settings.key_location()?;
        let is_file = matches!(location, KeyLocation::File(_));
        let fetcher = KeyFetcher::new(location)?;
        if is_file {
            try_once(&fetcher, auth.fetch_timeout_ms.duration()).await?;
        }
        let keys = FetchedKeys::start(settings.issuer.clone(), fetcher, options);
        issuers.push(Issuer::with_fetched_keys(token_policy(settings), keys));
    }
    Ok(TokenVerifier::of_issuers(issuers))
}

/// The issuer at which people sign in, if one is configured for that. Nothing is fetched yet.
///
/// # Errors
///
/// An HTTP client that cannot be created, or a configuration that [`AuthSettings::dashboard_issuer`] rejects.
pub(crate) fn provider(auth: &AuthSettings) -> anyhow::Result<Option<Provider>> {
    let Some(issuer) = auth.dashboard_issuer()? else {
        return Ok(None);
    };
    let options = RefreshOptions {
        interval: auth.refresh_interval_ms.duration(),
        cooldown: auth.refresh_cooldown_ms.duration(),
        timeout: auth.fetch_timeout_ms.duration(),
        max_waiting: MAX_WAITING,
    };
    Provider::new(issuer, options).map(Some)
}

/// Fetches the keys of each issuer once, and the end points of the one at which people sign in. Returns a line for each.
///
/// # Errors
///
/// The first issuer whose keys or end points cannot be fetched.
pub(crate) async fn check(auth: &AuthSettings) -> anyhow::Result<Vec<String>> {
    let mut lines = Vec::new();
    for settings in auth.all_issuers() {
        let name = &settings.issuer;
        let fetcher = KeyFetcher::new(settings.key_location()?)?;
        let keys = try_once(&fetcher, auth.fetch_timeout_ms.duration())
            .await
            .with_context(|| format!("the issuer {name:?}"))?;
        lines.push(format!("the issuer {name:?} has {} keys", keys.usable_keys()));
    }
    if let Some(provider) = provider(auth)? {
        let name = &provider.settings().issuer;
        provider.check().await.with_context(|| format!("the issuer {name:?}"))?;
        lines.push(format!("people sign in to the dashboard at the issuer {name:?}"));
    }
    Ok(lines)
}

async fn try_once(fetcher: &KeyFetcher, limit: Duration) -> anyhow::Result<KeySet> {
    let Ok(fetched) = timeout(limit, fetcher.fetch()).await else {
        bail!("its keys were not received within {limit:?}");
    };
    let json = fetched.map_err(anyhow::Error::from_boxed)?;
    KeySet::from_jwks(&json).with_context(|| fetcher.to_string())
}

fn token_policy(settings: IssuerSettings) -> TokenPolicy {
    TokenPolicy { issuer: settings.issuer, audiences: settings.audience, leeway_seconds: LEEWAY }
}
