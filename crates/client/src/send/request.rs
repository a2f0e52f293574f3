//! A request that can be sent any number of times, and its response.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, header};
use reqwest::Url;

use crate::JobError;

pub(crate) const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("client-request-id");
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
pub(crate) const PREFER: HeaderName = HeaderName::from_static("prefer");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Sends one request and reads its response completely. [`HttpTransport`](crate::HttpTransport) is the usual one; a test can
/// call a router in its own process, or lose responses.
#[async_trait]
pub trait Transport: Send + Sync + 'static {
    /// Sends a request with an absolute URL. Redirects are not followed. The caller limits the time by dropping the future.
    ///
    /// # Errors
    ///
    /// There is no complete response. The request may have been executed.
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, JobError>;
}

#[async_trait]
impl<T: Transport + ?Sized> Transport for Arc<T> {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, JobError> {
        (**self).send(request).await
    }
}

/// A request without its token. Its body is made once and shared by all attempts.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Prepared {
    pub(crate) fn get(url: Url) -> Self {
        Self::new(Method::GET, url, Bytes::new())
    }

    pub(crate) fn with_body(method: Method, url: Url, body: Bytes) -> Self {
        let mut request = Self::new(method, url, body);
        request.headers.insert(header::CONTENT_TYPE, JSON);
        request
    }

    fn new(method: Method, url: Url, body: Bytes) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, JSON);
        Self { method, url, headers, body }
    }

    /// Adds a header. A value that no header can have is left out.
    #[must_use]
    pub(crate) fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// The request with a token.
    pub(crate) fn authorized(&self, bearer: HeaderValue) -> Result<Request<Bytes>, http::Error> {
        let mut request = Request::builder()
            .method(&self.method)
            .uri(self.url.as_str())
            .body(self.body.clone())?;
        *request.headers_mut() = self.headers.clone();
        request.headers_mut().insert(header::AUTHORIZATION, bearer);
        Ok(request)
    }
}

/// A response that says that the request is done: 2xx, or 304.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
}
