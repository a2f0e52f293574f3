//! Content and version headers.

use axum::http::{Method, StatusCode};
use serde_json::json;

use crate::app::App;

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn a_415_names_the_accepted_media_types() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    let list = run.list_url();
    let cases = [
        (
            Method::PATCH,
            &run.url,
            vec![("content-type", "application/merge-patch+json")],
            "application/json",
            "",
        ),
        (Method::PATCH, &run.url, vec![], "application/json", ""),
        (
            Method::PATCH,
            &run.url,
            vec![JSON, ("content-encoding", "gzip")],
            "application/json",
            "identity",
        ),
        (Method::POST, &list, vec![("content-type", "text/json")], "", ""),
        (Method::POST, &list, vec![JSON, ("content-encoding", "br")], "", "identity"),
        (Method::GET, &list, vec![("content-encoding", "br")], "", "identity"),
    ];
    for (method, url, headers, accept_patch, accept_encoding) in cases {
        let response = app.send_bare(method.clone(), url, &headers, "{}").await;
        assert_eq!(response.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{method} {headers:?}");
        assert_eq!(response.header("accept-patch"), accept_patch, "{method} {headers:?}");
        assert_eq!(response.header("accept-encoding"), accept_encoding, "{method} {headers:?}");
    }
}

#[tokio::test]
async fn an_empty_accept_accepts_everything_and_the_most_specific_range_decides() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    let count = format!("{}/$count", run.list_url());
    for (url, accept, status) in [
        (&run.url, "", 200),
        (&run.url, "*/*;q=0.1", 200),
        (&run.url, "application/json;q=0, */*", 406),
        (&run.url, "text/plain", 406),
        (&count, "", 200),
        (&count, "text/plain", 200),
        (&count, "application/json", 200),
        (&count, "image/png", 406),
    ] {
        let response = app.send_bare(Method::GET, url, &[("accept", accept)], "").await;
        assert_eq!(response.status.as_u16(), status, "{url} {accept}");
    }
}

#[tokio::test]
async fn unsupported_odata_versions_are_rejected() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    for (name, value, is_taken) in [
        ("odata-version", "4.0", true),
        ("odata-version", "4.01", true),
        ("odata-version", "4.02", false),
        ("odata-version", "5.0", false),
        ("odata-version", "x", false),
        ("odata-maxversion", "4.0", true),
        ("odata-maxversion", "4.01", true),
        ("odata-maxversion", "9.9", true),
        ("odata-maxversion", "3.0", false),
        ("odata-maxversion", "", false),
    ] {
        let headers = [JSON, (name, value)];
        let patched = app.send_bare(Method::PATCH, &run.url, &headers, "{}").await;
        let read = app.send_bare(Method::GET, &run.url, &headers[1..], "").await;
        for response in [patched, read] {
            let code = if is_taken { "" } else { "invalidODataVersion" };
            let status = if is_taken { 200 } else { 400 };
            let found = (response.status.as_u16(), response.code());
            assert_eq!(found, (status, code), "{name}: {value}");
            assert_eq!(response.header("odata-version"), "4.0");
        }
    }
    // Checks with a higher precedence than 400 come first.
    let headers = [("odata-version", "5.0"), ("accept", "image/png")];
    let response = app.send_bare(Method::GET, &run.url, &headers, "").await;
    assert_eq!(response.status, StatusCode::NOT_ACCEPTABLE);
}
