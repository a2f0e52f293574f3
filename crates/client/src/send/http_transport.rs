//! HTTP/1 and HTTP/2, with TLS.

use std::{iter, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use reqwest::{Client, Url, redirect};

use super::request::Transport;
use crate::{JobError, address::is_loopback};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A page of the service has about 1 MiB.
const MAX_RESPONSE_BYTES: usize = 16 * 1024 * 1024;

/// The network. It follows no redirect, and reads at most 16 MiB of a response.
#[derive(Clone, Debug)]
pub struct HttpTransport(Client);

impl HttpTransport {
    /// A transport for a server. For a server on this machine no proxy is used.
    ///
    /// # Errors
    ///
    /// TLS cannot be set up, because the certificates of the system cannot be read.
    pub fn new(server: &Url) -> Result<Self, JobError> {
        let mut client = Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .user_agent(concat!("flowruns-client/", env!("CARGO_PKG_VERSION")));
        if server.scheme() == "http" {
            // No certificate is needed, and a machine may have none.
            client = client.tls_certs_only(iter::empty());
        }
        if is_loopback(server) {
            client = client.no_proxy();
        }
        Ok(Self(client.build()?))
    }
}

#[async_trait]
impl Transport for HttpTransport {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, JobError> {
        let mut response = self.0.execute(request.try_into()?).await?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > MAX_RESPONSE_BYTES {
                return Err(format!("a response of more than {MAX_RESPONSE_BYTES} bytes").into());
            }
            body.extend_from_slice(&chunk);
        }
        let mut read = Response::new(Bytes::from(body));
        *read.status_mut() = response.status();
        *read.headers_mut() = response.headers().clone();
        Ok(read)
    }
}
