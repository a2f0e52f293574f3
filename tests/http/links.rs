//! Absolute links, directly and behind a proxy.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{App, TestResponse};

const URL: &str = "/beta/industryData/incomingFlows?$top=1";
const FORWARDED: &[(&str, &str)] =
    &[("host", "inner:8080"), ("forwarded", "for=203.0.113.9;proto=https;host=flows.example")];
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
async fn links_use_the_origin_that_a_trusted_proxy_forwards() {
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
        let response = app.get_from(peer, URL, headers).await;
        let link = response.json["@odata.nextLink"].as_str().unwrap();
        let expected = format!("{origin}{URL}&$skiptoken=");
        assert!(link.starts_with(&expected), "{peer} {headers:?}: {link}");
        let context = format!("{origin}/beta/$metadata#industryData/incomingFlows");
        assert_eq!(response.json["@odata.context"], json!(context));
    }
}

#[tokio::test]
async fn a_peer_of_unknown_address_is_not_trusted() {
    let app = App::start().await;
    let response = app.send_bare(Method::GET, "/", X_FORWARDED, "").await;
    assert_eq!(response.json["@odata.context"], json!("http://inner:8080/$metadata"));
}

const PROXY: &str = "127.0.0.1";
/// A proxy that removes `/team/flows` from the path.
const PREFIXED: [(&str, &str); 4] = [
    ("x-forwarded-proto", "https"),
    ("x-forwarded-host", "apps.example"),
    ("x-forwarded-port", "8443"),
    ("x-forwarded-prefix", "/team/flows"),
];
const ROOT: &str = "https://apps.example:8443/team/flows";

/// Sends a request as the proxy does.
async fn through_proxy(app: &App, method: Method, url: &str, body: &Value) -> TestResponse {
    let mut headers = vec![("host", "inner:8080"), ("content-type", "application/json")];
    headers.extend(PREFIXED);
    let path = url.strip_prefix(ROOT).unwrap_or(url);
    app.send_from(PROXY, method, path, &headers, &body.to_string()).await
}

/// All strings in a body that are absolute URLs.
fn urls(json: &Value, found: &mut Vec<String>) {
    match json {
        Value::String(text) if text.starts_with("http") => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| urls(item, found)),
        Value::Object(members) => members.values().for_each(|member| urls(member, found)),
        _ => {}
    }
}

fn assert_links(response: &TestResponse) {
    let mut found = Vec::new();
    urls(&response.json, &mut found);
    assert!(!found.is_empty(), "{}", response.body);
    for url in found {
        assert!(url.starts_with(&format!("{ROOT}/")), "{url}");
    }
}

#[tokio::test]
async fn every_link_carries_the_prefix_and_the_port_and_can_be_followed() {
    let app = App::start().await;
    for version in ["", "/beta"] {
        let list = format!("{version}/industryData/incomingFlows");
        let named = json!({"displayName": "F"});
        let flow = through_proxy(&app, Method::POST, &list, &named).await;
        assert_eq!(flow.status, StatusCode::CREATED);
        let location = flow.header("location").to_owned();
        assert!(location.starts_with(&format!("{ROOT}{list}/")), "{location}");
        let mut ids = Vec::new();
        for _ in 0..3 {
            let url = format!("{location}/runs");
            let run = through_proxy(&app, Method::POST, &url, &named).await;
            assert!(run.header("location").starts_with(&url));
            assert_links(&run);
            ids.push(run.json["id"].clone());
        }
        let mut next = format!("{location}/runs?$top=1&$orderby=id");
        let mut returned = Vec::new();
        while returned.len() < 4 {
            let page = through_proxy(&app, Method::GET, &next, &Value::Null).await;
            assert_eq!(page.status, StatusCode::OK, "{}", page.body);
            assert_links(&page);
            returned.extend(page.json["value"].as_array().unwrap().clone());
            match page.json["@odata.nextLink"].as_str() {
                Some(link) => next = link.to_owned(),
                None => break,
            }
        }
        assert_eq!(returned.len(), ids.len());
        for url in [format!("{version}/"), location] {
            assert_links(&through_proxy(&app, Method::GET, &url, &Value::Null).await);
        }
    }
}

#[tokio::test]
async fn a_batch_accepts_urls_below_the_prefix_and_its_responses_have_it() {
    let app = App::start().await;
    app.flow().await;
    let path = "/industryData/incomingFlows?$top=1";
    let send = async |url: &str| {
        let batch = json!({"requests": [{"id": "1", "method": "GET", "url": url}]});
        let response = through_proxy(&app, Method::POST, "/$batch", &batch).await;
        response.json["responses"][0].clone()
    };
    for url in [path.to_owned(), format!("{ROOT}{path}"), format!("{ROOT}/beta{path}")] {
        let item = send(&url).await;
        assert_eq!(item["status"], json!(200), "{url} {item}");
        let context = item["body"]["@odata.context"].as_str().unwrap();
        assert!(context.starts_with(&format!("{ROOT}/")), "{context}");
    }
    for url in [
        format!("https://apps.example:8443{path}"),
        format!("https://apps.example:8443/team/flowsx{path}"),
        format!("https://apps.example/team/flows{path}"),
        format!("https://inner:8080{path}"),
    ] {
        let item = send(&url).await;
        assert_eq!(item["status"], json!(400), "{url}");
    }
}

#[tokio::test]
async fn a_forwarded_port_or_prefix_must_be_well_formed_and_from_a_trusted_proxy() {
    let app = App::start().await;
    let context = async |peer: &str, headers: &[(&str, &str)]| {
        let mut all = vec![("host", "inner")];
        all.extend(headers.iter().filter(|(name, _)| *name != "host"));
        if let Some(host) = headers.iter().find(|(name, _)| *name == "host") {
            all[0] = *host;
        }
        let response = app.get_from(peer, "/", &all).await;
        let context = response.json["@odata.context"].as_str().unwrap();
        context.strip_suffix("/$metadata").unwrap().to_owned()
    };
    let https = ("x-forwarded-proto", "https");
    let port = |port| ("x-forwarded-port", port);
    let prefix = |prefix| ("x-forwarded-prefix", prefix);
    let host = |host| ("x-forwarded-host", host);
    for (headers, expected) in [
        (vec![https, port("443")], "https://inner"),
        (vec![https, port("8443")], "https://inner:8443"),
        (vec![port("80"), prefix("/a/b")], "http://inner/a/b"),
        (vec![port("443")], "http://inner:443"),
        (vec![("host", "inner:8080"), port("9000")], "http://inner:8080"),
        (vec![host("a.example:8443"), port("9000")], "http://a.example:8443"),
        (vec![https, host("a.example:443")], "https://a.example"),
        (vec![https, host("[2001:db8::1]"), port("444")], "https://[2001:db8::1]:444"),
        (vec![host("a.example:port")], "http://inner"),
        (vec![host("a.example:99999")], "http://inner"),
        (vec![host("a:b:c")], "http://inner"),
        (vec![port("0"), prefix("/..")], "http://inner"),
        (vec![port("70000"), prefix("//evil.example")], "http://inner"),
        (vec![prefix("/a?b"), port("1 2")], "http://inner"),
    ] {
        assert_eq!(context(PROXY, &headers).await, expected, "{headers:?}");
    }
    let all = [port("8443"), prefix("/team"), https];
    assert_eq!(context("203.0.113.9", &all).await, "http://inner");
}
