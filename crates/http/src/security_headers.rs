//! Headers that restrict what browsers and caches do with responses.

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

/// A response belongs to one tenant; no cache may send it to another.
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// A client may keep an entity with a tag, and asks each time whether it is current.
const REVALIDATE: HeaderValue = HeaderValue::from_static("private, no-cache");
/// One year. Only for this host: other hosts of its domain may have no TLS.
const ONLY_TLS: HeaderValue = HeaderValue::from_static("max-age=31536000");
/// A page runs only its own scripts, sends requests only to this server, and is shown in no frame. Its styles are inline.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     font-src 'self'; connect-src 'self'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'";

/// Adds the headers that every response has. A Cache-Control that a handler has set is kept.
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

/// Adds the headers of a page that people open in a browser: it may load only its own files and must not be framed.
pub fn add_page_headers(response: &mut Response) {
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
