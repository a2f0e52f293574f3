//! Headers.

use axum::http::{HeaderName, HeaderValue, Method};
use proptest::{collection, prelude::*, sample};

use crate::{app::App, broken::broken};

/// Header names and their usual values.
const HEADERS: &[(&str, &[&str])] = &[
    ("accept", &["application/json;q=0.5, */*", "application/json;odata.metadata=full"]),
    ("authorization", &["Bearer a.b.c", "bearer ", "Basic YTpi"]),
    ("client-request-id", &["0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e"]),
    ("content-encoding", &["gzip", "identity"]),
    ("content-length", &["99999999999999999999", "-1", "0"]),
    ("content-type", &["application/json; charset=utf-8", "text/plain"]),
    ("expect", &["100-continue"]),
    ("forwarded", &["for=\"[2001:db8::1]:4711\";proto=https;host=a.example, for=127.0.0.1"]),
    ("host", &["a.example:8443", "[::1]:80"]),
    ("idempotency-key", &["0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e"]),
    ("if-match", &["*", "W/\"a\", \"b\""]),
    ("if-none-match", &["*", "W/\"a\", \"b\""]),
    ("odata-maxversion", &["4.01"]),
    ("prefer", &["return=minimal; wait=5, respond-async", "return=\"representation\""]),
    ("range", &["bytes=0-1"]),
    ("traceparent", &["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"]),
    ("tracestate", &["congo=t61rcWkgMzE,rojo=00f067aa0ba902b7"]),
    ("transfer-encoding", &["chunked"]),
    ("x-forwarded-for", &["203.0.113.9, 127.0.0.1"]),
    ("x-forwarded-host", &["a.example:8443", "a.example, b.example"]),
    ("x-forwarded-proto", &["https", "http, https"]),
    ("x-http-method-override", &["DELETE"]),
];

fn headers() -> impl Strategy<Value = Vec<(HeaderName, HeaderValue)>> {
    let header = sample::select(HEADERS)
        .prop_flat_map(|(name, values)| (Just(name), broken(values)))
        .prop_filter_map("no header value", |(name, value)| {
            let value = HeaderValue::from_bytes(&value).ok()?;
            Some((HeaderName::from_static(name), value))
        });
    collection::vec(header, 1..6)
}

proptest! {
    #[test]
    fn headers_are_understood_rejected_or_ignored(headers in headers()) {
        let app = App::start();
        let body = br#"{"displayName":"R"}"#.to_vec();
        for (method, path) in [
            (Method::GET, app.run_path()),
            (Method::GET, format!("{}?$top=0", app.runs_path())),
            (Method::GET, "/$metadata".to_owned()),
            (Method::PATCH, app.run_path()),
            (Method::POST, app.runs_path()),
            // The same header again, if it was sent before.
            (Method::POST, app.runs_path()),
            (Method::DELETE, app.run_path()),
        ] {
            app.send(&method, path.as_bytes(), &headers, body.clone())?;
        }
    }
}
