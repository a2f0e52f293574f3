//! GET requests with bounded responses.

use anyhow::{Context as _, bail};
use flowruns_http::auth::KeySet;
use reqwest::{Client, ClientBuilder, StatusCode, Url, header, redirect};

use super::{resolver::Resolver, url::is_internal};
use crate::config::is_loopback;

/// The limit of key sets, used for discovery documents too.
const MAX_BYTES: usize = KeySet::MAX_BYTES;

/// HTTP clients for issuers. They follow no redirect: each URL is checked before it is requested, and a redirect would not be.
pub(super) struct Http {
    /// Uses the proxy of the environment, if there is one.
    outward: Client,
    /// For loopback hosts, without a proxy: requests without encryption must not leave this machine.
    loopback: Client,
    resolver: Resolver,
}

/// A response with status 200.
pub(super) struct HttpResponse {
    pub(super) body: Vec<u8>,
    /// Whether it came from this machine or a private network; behind a proxy, whether the proxy did.
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
                "no HTTP client can be created for the issuers; are the certificates of the system installed?",
            )
        };
        Ok(Self {
            outward: build(Client::builder())?,
            loopback: build(Client::builder().no_proxy())?,
            resolver,
        })
    }

    /// Gets a URL of the configuration, from any address. The caller limits the time.
    pub(super) async fn get(&self, url: &Url) -> anyhow::Result<HttpResponse> {
        self.resolver.restrict(None);
        self.fetch(url).await
    }

    /// Gets a URL that a remote issuer chose, from public addresses only. The caller limits the time.
    pub(super) async fn get_public(&self, url: &Url) -> anyhow::Result<HttpResponse> {
        self.resolver.restrict(url.host_str());
        self.fetch(url).await
    }

    async fn fetch(&self, url: &Url) -> anyhow::Result<HttpResponse> {
        let client = match is_loopback(url) {
            true => &self.loopback,
            false => &self.outward,
        };
        let request = client.get(url.clone());
        let mut response = request.header(header::ACCEPT, "application/json").send().await?;
        if response.status() != StatusCode::OK {
            bail!("{url} responded with {} instead of 200", response.status());
        }
        let sender = response.remote_addr();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > MAX_BYTES {
                bail!("{url} responded with more than {MAX_BYTES} bytes");
            }
            body.extend_from_slice(&chunk);
        }
        Ok(HttpResponse {
            body,
            is_internal: sender.is_some_and(|sender| is_internal(sender.ip())),
        })
    }
}
