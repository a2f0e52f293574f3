//! Every error response has the error envelope.

use axum::http::{Method, StatusCode};
use serde_json::json;

use crate::app::App;

#[tokio::test]
async fn an_unreadable_body_is_rejected_with_its_position() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    let cases = [
        ("", "malformedJson", "line 1 column 0"),
        ("[]", "malformedJson", "line 1 column"),
        ("{\"displayName\": \"a\",\n \"displayName\": \"b\"}", "malformedJson", "line 2 column"),
        ("{} x", "malformedJson", "line 1 column 4"),
        ("{\"statistics\":{\"a\":\"\\ud800\"}}", "malformedJson", "line 1 column"),
        ("{\"statistics\":{\"a\\u0000\":1}}", "malformedJson", "U+0000"),
        ("{\"displayName\":\"a\\u0000\"}", "malformedJson", "U+0000"),
        ("{\"@x\":\"\\u0000\"}", "malformedJson", "U+0000"),
        ("{\"statistics\":{\"a\":1e999}}", "malformedJson", "out of range"),
        ("{\"statistics\":{\"a\":18446744073709551616}}", "malformedJson", "64 bits"),
        ("{\"statistics\":[]}", "invalidType", "statistics must be an object"),
        ("{\"statistics\":null}", "nullNotAllowed", "statistics"),
        ("{\"displayName\":null}", "nullNotAllowed", "displayName"),
        ("{\"startDateTime\":null}", "nullNotAllowed", "startDateTime"),
        ("{\"status\":null}", "nullNotAllowed", "status"),
        ("{\"status\":\"done\"}", "invalidEnumValue", "completedWithWarnings"),
        ("{\"startDateTime\":\"2026-01-01 00:00:00Z\"}", "invalidDateTime", "RFC 3339"),
        ("{\"startDateTime\":1767225600}", "invalidType", "startDateTime must be a string"),
        ("{\"displayName\":\"   \"}", "invalidDisplayName", "1 to 256"),
        ("{\"speed\":1}", "unknownProperty", "speed"),
        (
            "{\"blockingError\":{\"innerError\":{\"code\":1}}}",
            "invalidType",
            "blockingError/innerError/code",
        ),
        (
            "{\"blockingError\":{\"details\":[{\"code\":{}}]}}",
            "invalidType",
            "blockingError/details/0/code",
        ),
        ("{\"id\":\"0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e\"}", "propertyNotUpdateable", "id"),
    ];
    for (body, code, words) in cases {
        let response = app.send(Method::PATCH, &run.url, &[], body).await;
        assert_eq!(
            (response.status, response.code()),
            (StatusCode::BAD_REQUEST, code),
            "{body}: {}",
            response.body
        );
        assert!(
            response.json["error"]["message"].as_str().unwrap().contains(words),
            "{body}: {}",
            response.body
        );
        assert_eq!(response.json["error"]["code"], json!("badRequest"));
    }
    assert_eq!(app.history(&run.url).await.len(), 1);
}

#[tokio::test]
async fn all_violations_of_one_body_are_listed_at_once() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    let body = json!({"displayName": null, "status": "x", "endDateTime": "tomorrow", "speed": 1, "statistics": 7});
    let response = app.patch(&run.url, body).await;
    let details = response.json["error"]["details"].as_array().unwrap();
    let found: Vec<_> = details
        .iter()
        .map(|d| (d["code"].as_str().unwrap(), d["target"].as_str().unwrap()))
        .collect();
    assert_eq!(
        found,
        [
            ("nullNotAllowed", "displayName"),
            ("invalidDateTime", "endDateTime"),
            ("invalidEnumValue", "status"),
            ("invalidType", "statistics"),
            ("unknownProperty", "speed"),
        ]
    );
}

/// Method, URL, headers, body, and the status and code that are expected.
type Case<'a> = (Method, &'a str, &'a [(&'a str, &'a str)], &'a str, u16, &'a str);

#[tokio::test]
async fn routes_methods_and_media_types_are_rejected_in_order() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    let json_type = ("content-type", "application/json");
    let huge = "x".repeat(1024 * 1024 + 1);
    let bad_id = format!("{}/not-a-uuid", run.list_url());
    let nil = format!("{}/00000000-0000-0000-0000-000000000000", run.list_url());
    let cases: [Case<'_>; 14] = [
        (Method::GET, "/industryData/elsewhere", &[], "", 404, "notFound"),
        (Method::PATCH, "/nothing", &[], "{}", 404, "notFound"),
        (Method::PUT, &run.url, &[json_type], "{}", 405, "methodNotAllowed"),
        (Method::PATCH, &run.url, &[json_type], &huge, 413, "payloadTooLarge"),
        (Method::PATCH, &run.url, &[("content-type", "text/plain")], &huge, 413, "payloadTooLarge"),
        (
            Method::PATCH,
            &run.url,
            &[("content-type", "text/plain")],
            "{}",
            415,
            "unsupportedMediaType",
        ),
        (Method::PATCH, &run.url, &[], "{}", 415, "unsupportedMediaType"),
        (
            Method::PATCH,
            &run.url,
            &[json_type, ("content-encoding", "gzip")],
            "{}",
            415,
            "unsupportedMediaType",
        ),
        (
            Method::PATCH,
            &run.url,
            &[json_type, ("accept", "text/html")],
            "nonsense",
            406,
            "notAcceptable",
        ),
        (
            Method::PATCH,
            &run.url,
            &[json_type, ("accept", "application/json;q=0")],
            "{}",
            406,
            "notAcceptable",
        ),
        (Method::PATCH, &bad_id, &[json_type], "{}", 400, "badRequest"),
        (Method::PATCH, &nil, &[json_type], "{}", 400, "badRequest"),
        (
            Method::PATCH,
            &run.url,
            &[("content-type", "application/json;charset=utf-8")],
            "{}",
            200,
            "",
        ),
        (Method::GET, &run.url, &[("accept", "text/html, application/*;q=0.5")], "", 200, ""),
    ];
    for (method, url, headers, body, status, code) in cases {
        let response = app.send_bare(method.clone(), url, headers, body).await;
        assert_eq!(
            response.status.as_u16(),
            status,
            "{method} {url} {headers:?}: {}",
            response.body
        );
        if status != 200 {
            assert_eq!(response.json["error"]["code"], json!(code), "{method} {url}");
            assert_eq!(response.header("content-type"), "application/json");
            assert_eq!(
                response.json["error"]["innerError"]["request-id"],
                json!(response.header("request-id"))
            );
        }
    }
    let response = app.send_bare(Method::PUT, &run.url, &[json_type], "{}").await;
    for method in ["GET", "PATCH", "DELETE"] {
        assert!(response.header("allow").contains(method), "{}", response.header("allow"));
    }
}

#[tokio::test]
async fn a_client_request_id_is_echoed() {
    let app = App::start().await;
    let response = app.send(Method::GET, "/nowhere", &[("client-request-id", "abc-1")], "").await;
    assert_eq!(response.header("client-request-id"), "abc-1");
    assert_eq!(response.json["error"]["innerError"]["client-request-id"], json!("abc-1"));
    assert_ne!(response.header("request-id"), "abc-1");
}

#[tokio::test]
async fn health_needs_no_token() {
    let app = App::start().await;
    for path in ["/livez", "/readyz"] {
        let response = app.send_bare(Method::GET, path, &[("authorization", "")], "").await;
        assert_eq!((response.status, response.body.as_str()), (StatusCode::OK, "ok\n"));
    }
}
