//! Headers.

use axum::http::{HeaderName, HeaderValue, Method};
use proptest::{collection, prelude::*, sample};

use crate::{app::App, broken::broken};

const NAMES: &[&str] = &[
    "accept",
    "accept-encoding",
    "authorization",
    "client-request-id",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "if-modified-since",
    "odata-maxversion",
    "odata-version",
    "origin",
    "prefer",
    "range",
    "te",
    "traceparent",
    "tracestate",
    "transfer-encoding",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-http-method-override",
];
const VALUES: &[&str] = &[
    "*",
    "W/\"a\", \"b\"",
    "return=minimal; wait=5, respond-async",
    "application/json;q=0.5, */*",
    "application/json; charset=utf-8",
    "for=\"[2001:db8::1]:4711\";proto=https;host=a.example, for=127.0.0.1",
    "https",
    "a.example:8443",
    "[::1]:80",
    "203.0.113.9, 127.0.0.1",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7",
    "0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e",
    "Bearer a.b.c",
    "bearer ",
    "gzip",
    "99999999999999999999",
    "-1",
    "chunked",
    "100-continue",
    "4.01",
    "bytes=0-1",
];

fn headers() -> impl Strategy<Value = Vec<(HeaderName, HeaderValue)>> {
    let header = (sample::select(NAMES), broken(VALUES));
    let header = header.prop_filter_map("no header value", |(name, value)| {
        let value = HeaderValue::from_bytes(&value).ok()?;
        Some((HeaderName::from_static(name), value))
    });
    collection::vec(header, 1..6)
}

proptest! {
    #[test]
    fn headers_are_understood_refused_or_ignored(headers in headers()) {
        let app = App::start();
        let body = br#"{"displayName":"R"}"#.to_vec();
        for (method, path) in [
            (Method::GET, app.run_path()),
            (Method::GET, format!("{}?$top=0", app.runs_path())),
            (Method::GET, "/$metadata".to_owned()),
            (Method::PATCH, app.run_path()),
            (Method::POST, app.runs_path()),
            // The same key again, should there be one.
            (Method::POST, app.runs_path()),
            (Method::DELETE, app.run_path()),
        ] {
            app.send(&method, path.as_bytes(), &headers, body.clone())?;
        }
    }
}
