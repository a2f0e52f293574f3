//! Requests from pages of other origins: the CORS protocol of the Fetch standard.
//!
//! Not tower-http's layer, because it answers every OPTIONS with 200 as if it were a preflight: here only a preflight of an
//! allowed origin is answered, and the routes answer any other OPTIONS with 405.

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

/// Seconds that a browser may keep the response to a preflight; Chromium keeps none longer.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");
const PREFLIGHT_VARY: HeaderValue = HeaderValue::from_static(
    "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
);

/// An origin whose pages may call the service, as a browser writes it into the header Origin: scheme, host, and the port unless it
/// is the default one.
///
/// ```
/// use flowruns_http::AllowedOrigin;
///
/// let origin: AllowedOrigin = "https://App.example:443".parse().unwrap();
/// assert_eq!(origin.as_str(), "https://app.example");
/// assert!("*".parse::<AllowedOrigin>().is_err());
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AllowedOrigin(String);

/// A text that is not an origin that can be allowed. `*` and `null` are rejected: they stand for pages of anybody.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error(
    "an origin is a scheme (https or http), a host and perhaps a port, such as https://app.example or http://localhost:3000, without a path or a * in it"
)]
pub struct InvalidOrigin;

impl AllowedOrigin {
    /// The origin as browsers write it.
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

/// Whether a text has only the characters of a host name, which may be in Punycode, or of an IP address.
fn is_host(host: &str) -> bool {
    let is_part = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b':' | b'[' | b']')
    };
    !host.is_empty() && host.bytes().all(is_part)
}

/// Which pages of other origins may call a front end, and what they may send and read.
#[derive(Clone, Debug)]
pub struct CorsPolicy {
    /// The origins; without any, the headers of CORS are never sent.
    pub origins: Vec<AllowedOrigin>,
    /// The value of Access-Control-Allow-Methods: every method of the front end's routes.
    pub methods: HeaderValue,
    /// The value of Access-Control-Allow-Headers: the headers that clients of the front end send.
    pub request_headers: HeaderValue,
    /// The value of Access-Control-Expose-Headers: the headers that a page may read beyond those that every page may.
    pub response_headers: HeaderValue,
}

impl CorsPolicy {
    /// What the policy says about the page that sent a request.
    pub(crate) fn page_of(&self, headers: &HeaderMap) -> RequestPage<'_> {
        let page = if self.origins.is_empty() {
            PageOrigin::CorsDisabled
        } else {
            let mut sent = headers.get_all(ORIGIN).iter();
            match (sent.next(), sent.next()) {
                (Some(origin), None) if self.is_allowed(origin) => {
                    PageOrigin::Allowed(origin.clone())
                }
                _ => PageOrigin::NotAllowed,
            }
        };
        RequestPage { policy: self, page }
    }

    fn is_allowed(&self, origin: &HeaderValue) -> bool {
        let origin = origin.as_bytes();
        let mut allowed = self.origins.iter();
        allowed.any(|allowed| allowed.0.as_bytes() == origin)
    }
}

/// The page that sent a request, and the policy for it.
pub(crate) struct RequestPage<'a> {
    policy: &'a CorsPolicy,
    page: PageOrigin,
}

enum PageOrigin {
    /// No origin is allowed, so no header of CORS is sent.
    CorsDisabled,
    /// The client is no page, or one of an origin that is not allowed.
    NotAllowed,
    /// A page of this origin.
    Allowed(HeaderValue),
}

impl RequestPage<'_> {
    /// The response to a preflight of an allowed origin. Browsers send preflights without a token.
    pub(crate) fn preflight(&self, request: &Request) -> Option<Response> {
        let asks_for_method = request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        if !matches!(self.page, PageOrigin::Allowed(_))
            || request.method() != Method::OPTIONS
            || !asks_for_method
        {
            return None;
        }
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, self.policy.methods.clone());
        let request_headers = self.policy.request_headers.clone();
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, request_headers);
        headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        headers.insert(VARY, PREFLIGHT_VARY);
        Some(response)
    }

    /// Lets a page of an allowed origin read the response, whatever its status. Tokens are sent in a header and there are no
    /// cookies, so Access-Control-Allow-Credentials is never sent.
    pub(crate) fn add_headers(self, response: &mut Response) {
        let headers = response.headers_mut();
        if !matches!(self.page, PageOrigin::CorsDisabled) {
            // Also for a request that no page sent: a cache must not send its response to a page.
            headers.entry(VARY).or_insert(HeaderValue::from_static("Origin"));
        }
        let PageOrigin::Allowed(origin) = self.page else {
            return;
        };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        if !headers.contains_key(ACCESS_CONTROL_ALLOW_METHODS) {
            let response_headers = self.policy.response_headers.clone();
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, response_headers);
        }
    }
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
            ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
        ] {
            assert_eq!(text.parse::<AllowedOrigin>().unwrap().as_str(), expected);
        }
    }

    #[test]
    fn a_text_that_is_not_one_origin_is_rejected() {
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
