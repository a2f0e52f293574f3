//! Headers for browsers and intermediate caches.

use axum::http::{Method, StatusCode};
use serde_json::json;

use crate::app::App;

const NONE: [(&str, &str); 1] = [("authorization", "")];
/// Method, address, headers, body, expected status.
type Call<'a> = (Method, &'a str, &'a [(&'a str, &'a str)], &'a str, u16);

const HSTS: &str = "strict-transport-security";

#[tokio::test]
async fn responses_forbid_sniffing_and_shared_caching() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    let flow = format!("/industryData/incomingFlows/{}", run.flow);
    let tag = app.get(&run.url).await.header("etag").to_owned();
    let known = [("if-none-match", tag.as_str())];
    let minimal = [("prefer", "return=minimal")];
    let list = run.list_url();
    let batch = r#"{"requests":[{"id":"1","method":"GET","url":"/industryData/runs"}]}"#;
    let calls: [Call<'_>; 14] = [
        (Method::GET, &run.url, &[], "", 200),
        (Method::GET, &run.url, &known, "", 304),
        (Method::HEAD, &run.url, &[], "", 200),
        (Method::GET, &flow, &[], "", 200),
        (Method::PATCH, &run.url, &[], "{}", 200),
        (Method::PATCH, &run.url, &minimal, "{}", 204),
        (Method::GET, &list, &[], "", 200),
        (Method::POST, &list, &[], "{}", 400),
        (Method::GET, &list, &NONE, "", 401),
        (Method::PUT, &list, &[], "", 405),
        (Method::GET, "/nothing", &[], "", 404),
        (Method::POST, "/$batch", &[], batch, 200),
        (Method::GET, "/$metadata", &NONE, "", 200),
        (Method::GET, "/livez", &NONE, "", 200),
    ];
    for (method, url, headers, body, status) in calls {
        let response = app.send(method.clone(), url, headers, body).await;
        assert_eq!(response.status.as_u16(), status, "{method} {url}");
        assert_eq!(response.header("x-content-type-options"), "nosniff");
        let has_tag = !response.header("etag").is_empty();
        let is_read = [Method::GET, Method::HEAD].contains(&method);
        let expected = match has_tag && is_read {
            true => "private, no-cache",
            false => "no-store",
        };
        assert_eq!(response.header("cache-control"), expected, "{method} {url}");
        assert_eq!(response.header(HSTS), "", "{method} {url}");
    }
}

#[tokio::test]
async fn the_page_allows_only_its_own_scripts_and_no_framing() {
    let app = App::start().await;
    for url in ["/docs", "/docs/swagger-ui-bundle.js"] {
        let page = app.send_bare(Method::GET, url, &NONE, "").await;
        assert_eq!(page.status, StatusCode::OK, "{url}");
        let policy = page.header("content-security-policy");
        for directive in [
            "default-src 'none'",
            "script-src 'self'",
            "connect-src 'self'",
            "frame-ancestors 'none'",
        ] {
            let mut directives = policy.split(';').map(str::trim);
            assert!(directives.any(|known| known == directive), "{policy}");
        }
        assert_eq!(page.header("x-frame-options"), "DENY");
        assert_eq!(page.header("referrer-policy"), "no-referrer");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
    }
    // The page has nothing that the policy would block.
    let page = app.send_bare(Method::GET, "/docs", &NONE, "").await.body;
    for script in page.split("<script").skip(1) {
        assert!(script.starts_with(" src=\"./"), "{script}");
    }
    assert!(!page.contains(" onload=") && !page.contains("javascript:"));
}

#[tokio::test]
async fn only_a_response_over_tls_has_strict_transport_security() {
    let app = App::start().await;
    let from = async |peer: &str, headers: &[(&str, &str)]| {
        let response = app.get_from(peer, "/livez", headers).await;
        assert_eq!(response.status, StatusCode::OK);
        response.header(HSTS).to_owned()
    };
    let year = "max-age=31536000";
    let https = [("x-forwarded-proto", "https")];
    assert_eq!(from("127.0.0.1", &https).await, year);
    assert_eq!(from("127.0.0.1", &[("forwarded", "proto=https")]).await, year);
    assert_eq!(from("127.0.0.1", &[("x-forwarded-proto", "http")]).await, "");
    assert_eq!(from("127.0.0.1", &[]).await, "");
    assert_eq!(from("192.0.2.1", &https).await, "");
}
