//! Pages of other origins: the CORS protocol of the Fetch standard.
//!
//! By hand, since tower-http's layer takes every OPTIONS for a preflight and answers 200: here one that is no preflight of an
//! allowed origin goes on to the routes, which answer 405.

use std::str::FromStr;

use axum::{
    body::Body,
    extract::Request,
    http::{
        HeaderMap, HeaderValue, Method, StatusCode, Uri,
        header::{
            ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
            ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
            ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
        },
    },
    response::Response,
};
use thiserror::Error;

/// Every method that a route has.
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PATCH, DELETE");
/// What the API reads, and what clients of Graph send in any case.
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "accept, accept-language, authorization, cache-control, client-request-id, consistencylevel, content-type, \
     idempotency-key, if-match, if-none-match, odata-maxversion, odata-version, prefer, return-client-request-id, \
     sdkversion, traceparent, tracestate, x-requested-with",
);
/// What a page may read beside the body, the status and what every page may.
const RESPONSE_HEADERS: HeaderValue = HeaderValue::from_static(
    "ETag, Location, Retry-After, request-id, client-request-id, Preference-Applied, OData-Version, OData-EntityId, \
     Idempotency-Replayed, WWW-Authenticate, Allow, Accept-Patch, Accept-Encoding, Date",
);
/// Seconds that a browser may keep the answer to a preflight; Chromium keeps none longer.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");
const PREFLIGHT_VARY: HeaderValue = HeaderValue::from_static(
    "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
);

/// An origin whose pages may call the API, as a browser writes it into the header Origin: scheme, host, and the port unless it
/// is the default one.
///
/// ```
/// use flowruns_api::AllowedOrigin;
///
/// let origin: AllowedOrigin = "https://App.example:443".parse().unwrap();
/// assert_eq!(origin.as_str(), "https://app.example");
/// assert!("*".parse::<AllowedOrigin>().is_err());
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AllowedOrigin(String);

/// A text that is no origin that can be allowed. `*` and `null` are none: they stand for pages of anybody.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error(
    "an origin is a scheme (https or http), a host and perhaps a port, such as https://app.example or http://localhost:3000, without a path or a * in it"
)]
pub struct InvalidOrigin;

impl AllowedOrigin {
    /// As browsers write it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AllowedOrigin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let uri: Uri = text.parse().map_err(|_| InvalidOrigin)?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(InvalidOrigin);
        };
        let default_port = match scheme {
            "https" => 443,
            "http" => 80,
            _ => return Err(InvalidOrigin),
        };
        // `Uri` gives every URL a path, so the text itself must end with the host and port.
        let ends_with_authority = text.ends_with(authority.as_str());
        let port = authority.port_u16();
        let expected = match port {
            Some(port) => format!("{}:{port}", authority.host()),
            None => authority.host().to_owned(),
        };
        if !ends_with_authority || authority.as_str() != expected || !is_host(authority.host()) {
            return Err(InvalidOrigin);
        }
        let host = authority.host().to_ascii_lowercase();
        Ok(Self(match port.filter(|port| *port != default_port) {
            Some(port) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{host}"),
        }))
    }
}

/// A name, also one in Punycode, or an address.
fn is_host(host: &str) -> bool {
    let is_part = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b':' | b'[' | b']')
    };
    !host.is_empty() && host.bytes().all(is_part)
}

/// What is known of the page that sent a request.
pub(crate) enum Sender {
    /// No origin is allowed, so nothing is said.
    AnyWithoutCors,
    /// No page, or one of an origin that is not allowed.
    NotAllowed,
    /// A page of this origin.
    Allowed(HeaderValue),
}

impl Sender {
    pub(crate) fn of(headers: &HeaderMap, allowed: &[AllowedOrigin]) -> Self {
        if allowed.is_empty() {
            return Self::AnyWithoutCors;
        }
        let mut sent = headers.get_all(ORIGIN).iter();
        match (sent.next(), sent.next()) {
            (Some(origin), None) if is_allowed(origin, allowed) => Self::Allowed(origin.clone()),
            _ => Self::NotAllowed,
        }
    }

    /// The answer to a preflight of an allowed origin. Browsers send none with a token.
    pub(crate) fn preflight(&self, request: &Request) -> Option<Response> {
        let asks_for_method = request
            .headers()
            .contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        if !matches!(self, Self::Allowed(_))
            || request.method() != Method::OPTIONS
            || !asks_for_method
        {
            return None;
        }
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
        headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        headers.insert(VARY, PREFLIGHT_VARY);
        Some(response)
    }

    /// Lets a page of an allowed origin read the response, whatever it says. Tokens come in a header and there are no cookies,
    /// so Access-Control-Allow-Credentials is never sent.
    pub(crate) fn add_headers(self, response: &mut Response) {
        let headers = response.headers_mut();
        if !matches!(self, Self::AnyWithoutCors) {
            // Also where there is no page: a cache must not answer one with it.
            headers
                .entry(VARY)
                .or_insert(HeaderValue::from_static("Origin"));
        }
        let Self::Allowed(origin) = self else {
            return;
        };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        if !headers.contains_key(ACCESS_CONTROL_ALLOW_METHODS) {
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, RESPONSE_HEADERS);
        }
    }
}

fn is_allowed(origin: &HeaderValue, allowed: &[AllowedOrigin]) -> bool {
    let origin = origin.as_bytes();
    allowed.iter().any(|allowed| allowed.0.as_bytes() == origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        for (text, expected) in [
            ("https://app.example", "https://app.example"),
            ("https://App.Example", "https://app.example"),
            ("HTTPS://app.example", "https://app.example"),
            ("https://app.example:443", "https://app.example"),
            ("https://app.example:8443", "https://app.example:8443"),
            ("http://app.example:443", "http://app.example:443"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://127.0.0.1:80", "http://127.0.0.1"),
            ("http://[::1]:3000", "http://[::1]:3000"),
            (
                "https://xn--bcher-kva.example",
                "https://xn--bcher-kva.example",
            ),
        ] {
            assert_eq!(text.parse::<AllowedOrigin>().unwrap().as_str(), expected);
        }
    }

    #[test]
    fn what_is_no_single_origin_is_refused() {
        for text in [
            "",
            "*",
            "null",
            "app.example",
            "app.example:443",
            "//app.example",
            "https://",
            "https://*.example",
            "https://app.example/",
            "https://app.example/path",
            "https://app.example?x",
            "https://app.example#x",
            "https://me@app.example",
            "https://me:pw@app.example",
            "https://app.example:",
            "https://app.example:99999",
            "https://app.example:08443",
            "ftp://app.example",
            "chrome-extension://abc",
            "https://b\u{fc}cher.example",
            " https://app.example",
            "https://app.example https://other.example",
        ] {
            assert_eq!(text.parse::<AllowedOrigin>(), Err(InvalidOrigin), "{text}");
        }
    }
}
