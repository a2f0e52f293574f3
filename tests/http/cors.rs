//! Cross-origin requests.

use axum::http::{Method, StatusCode};
use serde_json::json;
use sqlx::{Connection as _, PgConnection};

use crate::app::{App, TestResponse};

const PAGE: &str = "https://app.example";
const LIST: &str = "/industryData/incomingFlows";
const NO_TOKEN: (&str, &str) = ("authorization", "");
/// Method, address, headers, expected status.
type Call<'a> = (Method, &'a str, &'a [(&'a str, &'a str)], u16);

async fn app() -> App {
    App::start_with(|options| {
        options.cors_origins =
            [PAGE, "http://localhost:3000"].iter().map(|origin| origin.parse().unwrap()).collect();
    })
    .await
}

fn has_cors(response: &TestResponse) -> bool {
    let mut names = response.headers().keys();
    names.any(|name| name.as_str().starts_with("access-control-"))
}

/// The names in a header, in lower case.
fn names(response: &TestResponse, header: &str) -> Vec<String> {
    let names = response.header(header).split(',');
    names.map(|name| name.trim().to_ascii_lowercase()).collect()
}

async fn preflight(app: &App, url: &str, origin: &str) -> TestResponse {
    let headers = [
        NO_TOKEN,
        ("origin", origin),
        ("access-control-request-method", "PATCH"),
        ("access-control-request-headers", "authorization,if-match"),
    ];
    app.send_bare(Method::OPTIONS, url, &headers, "").await
}

#[tokio::test]
async fn a_preflight_of_a_listed_origin_needs_no_token_and_allows_what_the_api_reads() {
    let app = app().await;
    let run = "/industryData/incomingFlows/f/runs('r')";
    for url in [LIST, "/beta/$batch", "/$batch", run, "/nothing", "/readyz"] {
        for origin in [PAGE, "http://localhost:3000"] {
            let response = preflight(&app, url, origin).await;
            assert_eq!(response.status, StatusCode::NO_CONTENT, "{url}");
            assert_eq!(response.body, "");
            assert_eq!(response.header("access-control-allow-origin"), origin);
            let methods = names(&response, "access-control-allow-methods");
            for method in ["get", "head", "post", "patch", "delete"] {
                assert!(methods.iter().any(|known| known == method), "{methods:?}");
            }
            let headers = names(&response, "access-control-allow-headers");
            for header in [
                "authorization",
                "content-type",
                "if-match",
                "if-none-match",
                "prefer",
                "idempotency-key",
                "client-request-id",
                "odata-version",
                "odata-maxversion",
                "traceparent",
            ] {
                assert!(headers.iter().any(|known| known == header), "{header}");
            }
            assert_eq!(response.header("access-control-max-age"), "7200");
            assert!(names(&response, "vary").contains(&"origin".to_owned()));
            assert_eq!(response.header("access-control-allow-credentials"), "");
            assert!(!response.header("request-id").is_empty());
        }
    }
}

#[tokio::test]
async fn every_response_to_a_listed_origin_can_be_read_by_its_page() {
    let app = app().await;
    let run = app.run(json!({"displayName": "R"})).await;
    let body = r#"{"displayName":"N"}"#;
    let json = ("content-type", "application/json");
    let tag = app.get(&run.url).await.header("etag").to_owned();
    let calls: [Call<'_>; 11] = [
        (Method::GET, &run.url, &[], 200),
        (Method::GET, &run.url, &[("if-none-match", &tag)], 304),
        (Method::HEAD, LIST, &[], 200),
        (Method::POST, LIST, &[json], 201),
        (Method::POST, LIST, &[], 415),
        (Method::PATCH, &run.url, &[json, ("if-match", "W/\"x\"")], 412),
        (Method::GET, LIST, &[NO_TOKEN], 401),
        (Method::GET, "/nothing", &[], 404),
        (Method::PUT, LIST, &[], 405),
        (Method::GET, "/beta/$metadata", &[NO_TOKEN], 200),
        (Method::DELETE, &run.url, &[], 204),
    ];
    for (method, url, headers, status) in calls {
        let mut headers = headers.to_vec();
        headers.push(("origin", PAGE));
        let response = app.send_bare(method.clone(), url, &headers, body).await;
        assert_eq!(response.status.as_u16(), status, "{method} {url}");
        assert_eq!(response.header("access-control-allow-origin"), PAGE);
        assert_eq!(response.header("vary"), "Origin");
        let exposed = names(&response, "access-control-expose-headers");
        for header in [
            "etag",
            "location",
            "retry-after",
            "request-id",
            "preference-applied",
            "odata-entityid",
            "client-request-id",
            "idempotency-replayed",
            "www-authenticate",
        ] {
            assert!(exposed.iter().any(|known| known == header), "{header}");
        }
    }
}

#[tokio::test]
async fn an_overload_can_be_read_by_the_page_too() {
    let app = App::start_with(|options| {
        options.cors_origins = vec![PAGE.parse().unwrap()];
        options.request_timeout = std::time::Duration::from_millis(10);
    })
    .await;
    let mut holder = PgConnection::connect_with(&app.database.owner()).await.unwrap();
    let lock = "BEGIN; LOCK TABLE flows IN ACCESS EXCLUSIVE MODE";
    sqlx::raw_sql(lock).execute(&mut holder).await.unwrap();
    let headers = [("origin", PAGE)];
    let response = app.send_bare(Method::GET, LIST, &headers, "").await;
    assert_eq!(response.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.header("access-control-allow-origin"), PAGE);
}

#[tokio::test]
async fn an_origin_that_is_not_listed_gets_no_cors_headers() {
    let app = app().await;
    for origin in [
        "https://evil.example",
        "https://app.example.evil.example",
        "https://app.example:8443",
        "http://app.example",
        "https://APP.example",
        "null",
        "*",
        "",
    ] {
        let rejected = preflight(&app, LIST, origin).await;
        assert_eq!(rejected.status, StatusCode::METHOD_NOT_ALLOWED, "{origin}");
        assert!(names(&rejected, "allow").contains(&"get".to_owned()));
        assert!(!has_cors(&rejected), "{origin}");
        let headers = [("origin", origin)];
        let response = app.send_bare(Method::GET, LIST, &headers, "").await;
        assert_eq!(response.status, StatusCode::OK);
        assert!(!has_cors(&response), "{origin}");
        // Otherwise a cache could serve this response to a page.
        assert_eq!(response.header("vary"), "Origin");
    }
    let twice = [("origin", PAGE), ("origin", PAGE)];
    assert!(!has_cors(&app.send_bare(Method::GET, LIST, &twice, "").await));
    let plain = app.send_bare(Method::OPTIONS, LIST, &[("origin", PAGE)], "").await;
    assert_eq!(plain.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn without_listed_origins_no_response_has_cors_headers() {
    let app = App::start().await;
    let rejected = preflight(&app, LIST, PAGE).await;
    assert_eq!(rejected.status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(!has_cors(&rejected));
    let response = app.send_bare(Method::GET, LIST, &[("origin", PAGE)], "").await;
    assert_eq!((response.status, response.header("vary")), (StatusCode::OK, ""));
    assert!(!has_cors(&response));
}
