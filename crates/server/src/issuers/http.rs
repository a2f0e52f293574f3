//! Requests to issuers, with bounded responses.

use anyhow::{Context as _, bail};
use flowruns_http::auth::KeySet;
use reqwest::{Client, ClientBuilder, RequestBuilder, Response, StatusCode, Url, header, redirect};

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

    /// Restricts every request to this host to public addresses, whatever is requested before. For a client that is used for
    /// one host only.
    pub(super) fn restrict_to_public(&self, url: &Url) {
        self.resolver.restrict(url.host_str());
    }

    /// A POST of a form, with any status as response. The caller limits the time.
    pub(super) async fn post_form(
        &self,
        url: &Url,
        form: String,
        basic: Option<(&str, &str)>,
    ) -> anyhow::Result<(StatusCode, Vec<u8>)> {
        const FORM: &str = "application/x-www-form-urlencoded";
        let request = self.client(url).post(url.clone());
        let request = request.header(header::CONTENT_TYPE, FORM).body(form);
        let request = match basic {
            Some((user, password)) => request.basic_auth(user, Some(password)),
            None => request,
        };
        let mut response = send(request).await?;
        let body = bounded_body(&mut response, url).await?;
        Ok((response.status(), body))
    }

    async fn fetch(&self, url: &Url) -> anyhow::Result<HttpResponse> {
        let mut response = send(self.client(url).get(url.clone())).await?;
        if response.status() != StatusCode::OK {
            bail!("{url} responded with {} instead of 200", response.status());
        }
        let sender = response.remote_addr();
        Ok(HttpResponse {
            body: bounded_body(&mut response, url).await?,
            is_internal: sender.is_some_and(|sender| is_internal(sender.ip())),
        })
    }

    fn client(&self, url: &Url) -> &Client {
        match is_loopback(url) {
            true => &self.loopback,
            false => &self.outward,
        }
    }
}

async fn send(request: RequestBuilder) -> reqwest::Result<Response> {
    request.header(header::ACCEPT, "application/json").send().await
}

async fn bounded_body(response: &mut Response, url: &Url) -> anyhow::Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MAX_BYTES {
            bail!("{url} responded with more than {MAX_BYTES} bytes");
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
