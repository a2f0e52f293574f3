//! Absolute links, directly and behind a proxy.

use serde_json::json;

use crate::app::App;

const URL: &str = "/beta/industryData/incomingFlows?$top=1";
const FORWARDED: &[(&str, &str)] = &[
    ("host", "inner:8080"),
    (
        "forwarded",
        "for=203.0.113.9;proto=https;host=flows.example",
    ),
];
const X_FORWARDED: &[(&str, &str)] = &[
    ("host", "inner:8080"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-host", "flows.example"),
];
const NAMELESS: &[(&str, &str)] = &[("host", "inner:8080"), ("x-forwarded-proto", "https")];
const BROKEN: &[(&str, &str)] = &[
    ("host", "inner:8080"),
    ("x-forwarded-proto", "javascript"),
    ("x-forwarded-host", "evil/path?"),
];

#[tokio::test]
async fn a_trusted_proxy_says_what_the_client_called() {
    let app = App::start().await;
    for _ in 0..2 {
        app.flow().await;
    }
    for (peer, headers, origin) in [
        ("127.0.0.1", FORWARDED, "https://flows.example"),
        ("127.0.0.1", X_FORWARDED, "https://flows.example"),
        ("::ffff:127.0.0.1", X_FORWARDED, "https://flows.example"),
        ("127.0.0.1", NAMELESS, "https://inner:8080"),
        ("127.0.0.1", BROKEN, "http://inner:8080"),
        ("203.0.113.9", FORWARDED, "http://inner:8080"),
        ("203.0.113.9", X_FORWARDED, "http://inner:8080"),
    ] {
        let answer = app.get_from(peer, URL, headers).await;
        let link = answer.json["@odata.nextLink"].as_str().unwrap();
        let expected = format!("{origin}{URL}&$skiptoken=");
        assert!(link.starts_with(&expected), "{peer} {headers:?}: {link}");
        let context = format!("{origin}/beta/$metadata#industryData/incomingFlows");
        assert_eq!(answer.json["@odata.context"], json!(context));
    }
}

#[tokio::test]
async fn nobody_is_trusted_whose_address_is_not_known() {
    let app = App::start().await;
    let answer = app
        .send_bare(axum::http::Method::GET, "/", X_FORWARDED, "")
        .await;
    assert_eq!(
        answer.json["@odata.context"],
        json!("http://inner:8080/$metadata")
    );
}
