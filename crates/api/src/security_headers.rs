//! Headers that keep browsers, and caches on the way, from what nobody wants.

use axum::{
    http::{
        HeaderName, HeaderValue, Method,
        header::{
            CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, REFERRER_POLICY,
            STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
        },
    },
    response::Response,
};

/// An answer belongs to one tenant; no cache may give it to another.
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// What has a tag may be kept by its client, which asks each time whether it is current.
const REVALIDATE: HeaderValue = HeaderValue::from_static("private, no-cache");
/// A year. Of this host alone: what else its domain serves is not known here.
const ONLY_TLS: HeaderValue = HeaderValue::from_static("max-age=31536000");
/// The page runs its own scripts alone, asks this server alone, and stands in no frame. Its styles are inline.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     font-src 'self'; connect-src 'self'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'";

/// Adds what every answer has. What a handler said itself stays.
pub(crate) fn add(response: &mut Response, method: &Method, is_https: bool) {
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let is_kept = headers.contains_key(ETAG) && (method == Method::GET || method == Method::HEAD);
    let caching = if is_kept { REVALIDATE } else { NO_STORE };
    headers.entry(CACHE_CONTROL).or_insert(caching);
    if is_https {
        headers.insert(STRICT_TRANSPORT_SECURITY, ONLY_TLS);
    }
}

/// Adds what a page has that people open in a browser.
pub(crate) fn add_to_page(response: &mut Response) {
    let page: [(HeaderName, &'static str); 3] = [
        (CONTENT_SECURITY_POLICY, PAGE_POLICY),
        // For browsers that do not know `frame-ancestors`.
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in page {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
}
