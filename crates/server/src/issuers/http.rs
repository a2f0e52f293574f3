//! Bounded GETs.

use anyhow::{Context as _, bail};
use flowruns_api::auth::KeySet;
use reqwest::{Client, ClientBuilder, StatusCode, Url, header, redirect};

use super::{
    resolver::Resolver,
    url::{is_internal, is_loopback},
};

/// Discovery documents have the bound of key sets.
const MAX_BYTES: usize = KeySet::MAX_BYTES;

/// Ways to issuers. They follow no redirect: each URL is checked before it is asked, and a redirect would not be.
pub(super) struct Http {
    /// Through the proxy that the environment names, if it does.
    outward: Client,
    /// To this machine itself: what is not encrypted shall not leave it.
    loopback: Client,
    resolver: Resolver,
}

/// The body of a 200.
pub(super) struct Fetched {
    pub(super) body: Vec<u8>,
    /// Whether it came from this machine or a private network; where there is a proxy, whether the proxy is there.
    pub(super) is_internal: bool,
}

impl Http {
    pub(super) fn new() -> anyhow::Result<Self> {
        let resolver = Resolver::default();
        let build = |builder: ClientBuilder| {
            let client = builder
                .redirect(redirect::Policy::none())
                .dns_resolver(resolver.clone())
                .user_agent(concat!("flowruns/", env!("CARGO_PKG_VERSION")));
            client.build().context(
                "no HTTP client can be made for the issuers; are the system's certificates installed?",
            )
        };
        Ok(Self {
            outward: build(Client::builder())?,
            loopback: build(Client::builder().no_proxy())?,
            resolver,
        })
    }

    /// Gets a URL of the configuration, wherever it is. The caller bounds the time.
    pub(super) async fn get(&self, url: &Url) -> anyhow::Result<Fetched> {
        self.resolver.restrict(None);
        self.fetch(url).await
    }

    /// Gets a URL that a remote issuer chose, from public addresses only. The caller bounds the time.
    pub(super) async fn get_public(&self, url: &Url) -> anyhow::Result<Fetched> {
        self.resolver.restrict(url.host_str());
        self.fetch(url).await
    }

    async fn fetch(&self, url: &Url) -> anyhow::Result<Fetched> {
        let client = match is_loopback(url) {
            true => &self.loopback,
            false => &self.outward,
        };
        let asked = client.get(url.clone());
        let mut response = asked
            .header(header::ACCEPT, "application/json")
            .send()
            .await?;
        if response.status() != StatusCode::OK {
            bail!("{url} answered {} instead of 200", response.status());
        }
        let sender = response.remote_addr();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > MAX_BYTES {
                bail!("{url} answered more than {MAX_BYTES} bytes");
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Fetched {
            body,
            is_internal: sender.is_some_and(|sender| is_internal(sender.ip())),
        })
    }
}
