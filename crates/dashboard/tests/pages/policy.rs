//! What every response has, and which requests are rejected before a page is made.

use std::time::{Duration, Instant};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header},
};
use flowruns_http::{
    AdmissionLimits, CallerId, Deadline, Limits, Priority, Rate, RequestContext, auth::Permission,
};
use flowruns_testing::fixtures::fresh_uuid;

use crate::harness::{FORM_TOKEN, Site};

/// Pages without parameters.
const PAGES: [&str; 2] = ["/ui", "/ui/report"];

#[tokio::test]
async fn every_response_has_the_headers_of_the_policy() {
    let site = Site::new();
    for address in ["/ui", "/ui.json", "/ui?x=1", "/ui/nothing", "/ui/go?q=a", "/ui/sign-in"] {
        let shown = site.get(address).await;
        let policy = shown.header("content-security-policy");
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types flowruns",
        ] {
            assert!(policy.split(';').any(|sent| sent.trim() == part), "{address}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{address}: {policy}");
        assert_eq!(shown.header("x-content-type-options"), "nosniff", "{address}");
        assert_eq!(shown.header("referrer-policy"), "same-origin", "{address}");
        assert_eq!(shown.header("cross-origin-opener-policy"), "same-origin", "{address}");
        assert_eq!(shown.header("x-frame-options"), "DENY", "{address}");
        assert!(!shown.header("request-id").is_empty(), "{address}");
        assert_eq!(shown.header("access-control-allow-origin"), "", "{address}");
    }
}

#[tokio::test]
async fn a_page_is_kept_and_asked_for_again_by_its_tag() {
    let site = Site::new();
    let visitor = site.visitor(Permission::ReadRuns);
    for address in PAGES {
        let first = site.get_as(&visitor, address).await;
        assert_eq!(first.header("cache-control"), "private, no-cache", "{address}");
        assert_eq!(first.header("vary"), "Accept-Encoding, Cookie", "{address}");
        let mut again = site.request(Method::GET, &visitor, address);
        again.headers_mut().insert(header::IF_NONE_MATCH, first.headers[header::ETAG].clone());
        let again = site.send(again).await;
        assert_eq!(again.status, StatusCode::NOT_MODIFIED, "{address}");
        assert!(again.body.is_empty(), "{address}");
        assert_eq!(again.headers[header::ETAG], first.headers[header::ETAG], "{address}");
    }
}

#[tokio::test]
async fn a_page_that_has_changed_is_sent_again() {
    let site = Site::new();
    let visitor = site.visitor(Permission::ReadRuns);
    let first = site.get_as(&visitor, "/ui").await;
    site.flow("Rosters").await;
    let mut again = site.request(Method::GET, &visitor, "/ui");
    again.headers_mut().insert(header::IF_NONE_MATCH, first.headers[header::ETAG].clone());
    assert!(site.send(again).await.ok().contains("Rosters"));
}

#[tokio::test]
async fn a_browser_that_accepts_gzip_gets_the_same_page_compressed() {
    let site = Site::new();
    let visitor = site.visitor(Permission::ReadRuns);
    let plain = site.get_as(&visitor, "/ui").await;
    let mut request = site.request(Method::GET, &visitor, "/ui");
    let accepted = HeaderValue::from_static("gzip, br");
    request.headers_mut().insert(header::ACCEPT_ENCODING, accepted.clone());
    let compressed = site.send(request).await;
    assert_eq!(plain.header("content-encoding"), "");
    assert_eq!(compressed.header("content-encoding"), "gzip");
    assert!(compressed.bytes.len() < plain.bytes.len() * 2 / 3);
    assert_eq!(compressed.body, plain.body);
    assert_ne!(compressed.headers[header::ETAG], plain.headers[header::ETAG]);
    let known = compressed.headers[header::ETAG].clone();
    request = site.request(Method::GET, &visitor, "/ui");
    request.headers_mut().insert(header::ACCEPT_ENCODING, accepted);
    request.headers_mut().insert(header::IF_NONE_MATCH, known);
    assert_eq!(site.send(request).await.status, StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn head_has_the_headers_of_get_and_no_body() {
    let site = Site::new();
    let visitor = site.visitor(Permission::ReadRuns);
    for address in ["/ui", "/ui/report", "/ui.json", "/ui?x=1", "/ui/nothing"] {
        let get = site.get_as(&visitor, address).await;
        let head = site.send(site.request(Method::HEAD, &visitor, address)).await;
        assert_eq!(head.status, get.status, "{address}");
        assert!(head.body.is_empty(), "{address}");
        for name in ["content-type", "etag", "cache-control", "content-length"] {
            assert_eq!(head.header(name), get.header(name), "{address}: {name}");
        }
    }
}

#[tokio::test]
async fn links_have_the_prefix_that_a_proxy_removes() {
    let site = Site::new();
    let visitor = site.visitor(Permission::WriteFlows);
    site.flow("Rosters").await;
    for address in ["/ui", "/ui/report", "/ui/nothing", "/ui?x=1", "/ui/sign-in"] {
        let mut request = site.request(Method::GET, &visitor, address);
        let headers = request.headers_mut();
        headers.insert("x-forwarded-prefix", HeaderValue::from_static("/team"));
        let shown = site.send(request).await;
        for attribute in ["href=\"/", "action=\"/", "src=\"/", "data-stream=\"/"] {
            for rest in shown.body.split(attribute).skip(1) {
                let link = rest.split('"').next().unwrap_or_default();
                assert!(link.starts_with("team/"), "{address}: {attribute}{link}");
            }
        }
    }
    let mut request = site.request(Method::GET, &visitor, "/ui/go?q=x");
    request.headers_mut().insert("x-forwarded-prefix", HeaderValue::from_static("/team"));
    assert_eq!(site.send(request).await.header("location"), "/team/ui?name=x");
}

#[tokio::test]
async fn a_page_without_a_session_leads_to_the_sign_in_and_back() {
    let site = Site::new();
    for (address, location) in [
        ("/ui", "/ui/sign-in"),
        ("/ui?show=late&name=a%20b", "/ui/sign-in?next=/ui%3Fshow%3Dlate%26name%3Da%2520b"),
    ] {
        let request = Request::get(address).header(header::HOST, "localhost:8080");
        let shown = site.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(shown.status, StatusCode::SEE_OTHER);
        assert_eq!(shown.header("location"), location);
        assert_eq!(shown.header("cache-control"), "no-store");
    }
    let request = Request::get("/ui.json").header(header::HOST, "localhost:8080");
    let shown = site.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(shown.status, StatusCode::UNAUTHORIZED);
    assert!(shown.body.contains("\"code\":\"notSignedIn\""), "{}", shown.body);
}

#[tokio::test]
async fn an_expired_session_is_none() {
    let site = Site::new();
    let mut visitor = site.visitor(Permission::WriteFlows);
    visitor.expires_at = flowruns_testing::fixtures::time("2026-11-27T19:42:05Z");
    let shown = site.get_as(&visitor, "/ui").await;
    assert_eq!(shown.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_request_for_a_host_that_is_not_ours_is_misdirected() {
    let site = Site::new();
    let visitor = site.visitor(Permission::WriteFlows);
    for (host, status) in [
        ("flows.example", StatusCode::OK),
        ("localhost:8080", StatusCode::OK),
        ("[::1]:8080", StatusCode::OK),
        ("evil.example", StatusCode::MISDIRECTED_REQUEST),
        ("flows.example.evil.example", StatusCode::MISDIRECTED_REQUEST),
    ] {
        for address in ["/ui", "/ui/sign-in"] {
            let mut request = site.request(Method::GET, &visitor, address);
            request.headers_mut().insert(header::HOST, HeaderValue::from_static(host));
            let shown = site.send(request).await;
            assert_eq!(shown.status, status, "{host}{address}");
        }
    }
}

#[tokio::test]
async fn a_form_needs_the_origin_and_the_token_of_its_session() {
    let site = Site::new();
    let visitor = site.visitor(Permission::WriteFlows);
    let form = |form: String, headers: &[(&'static str, &'static str)]| {
        let mut request = site.request(Method::POST, &visitor, "/ui/sign-out");
        for (name, value) in headers {
            request.headers_mut().insert(*name, HeaderValue::from_static(value));
        }
        *request.body_mut() = Body::from(form);
        request
    };
    let token = format!("token={FORM_TOKEN}");
    let own = [("sec-fetch-site", "same-origin")];
    for (request, status) in [
        (form(token.clone(), &own), StatusCode::SEE_OTHER),
        (form(token.clone(), &[("origin", "http://127.0.0.1:8080")]), StatusCode::SEE_OTHER),
        (form(token.clone(), &[]), StatusCode::FORBIDDEN),
        (form(token.clone(), &[("sec-fetch-site", "cross-site")]), StatusCode::FORBIDDEN),
        (form(token, &[("origin", "https://evil.example")]), StatusCode::FORBIDDEN),
        (form("token=another".to_owned(), &own), StatusCode::FORBIDDEN),
        (form(String::new(), &own), StatusCode::FORBIDDEN),
    ] {
        let shown = site.send(request).await;
        assert_eq!(shown.status, status, "{}", shown.body);
    }
}

#[tokio::test]
async fn signing_out_clears_what_the_browser_keeps() {
    let site = Site::new();
    let shown = site.post_as(&site.visitor(Permission::ReadRuns), "/ui/sign-out", "").await;
    assert_eq!(shown.header("location"), "/ui/sign-in");
    assert_eq!(shown.header("clear-site-data"), "\"cache\"");
    assert_eq!(shown.header("set-cookie"), "session=; Max-Age=0");
}

#[tokio::test]
async fn a_visitor_over_its_rate_gets_429_and_a_full_server_503_that_reloads() {
    let rate = Rate::per_second(1, 1);
    let site = Site::with(Limits { caller: rate, ..Limits::default() });
    let visitor = site.visitor(Permission::ReadRuns);
    assert_eq!(site.get_as(&visitor, "/ui").await.status, StatusCode::OK);
    let limited = site.get_as(&visitor, "/ui").await;
    assert_eq!(limited.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(limited.header("retry-after"), "1");
    assert!(limited.body.contains("<h1>Too many requests</h1>"), "{}", limited.body);

    let few = AdmissionLimits { requests: 4, bytes: 1024 * 1024, caller_percent: 100 };
    let site = Site::with(Limits { admission: few, ..Limits::default() });
    // A page may use a quarter of the limits.
    let deadline = Deadline::new(Instant::now(), Duration::from_secs(10));
    let other = RequestContext::new(fresh_uuid(), deadline, &HeaderMap::new());
    let admitted = site.admission.admit(&other, CallerId::SHARED, Priority::List, 0);
    assert!(admitted.is_ok());
    let full = site.get("/ui?show=late").await;
    assert_eq!(full.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(full.header("refresh"), "5");
    assert!(full.body.contains("href=\"/ui?show=late\">Try again</a>"), "{}", full.body);
}

#[tokio::test]
async fn the_files_of_a_page_are_kept_forever_and_need_no_session() {
    let site = Site::new();
    let page = site.get("/ui").await.ok();
    for (attribute, content_type) in [
        ("href=\"/ui/a/", "text/css; charset=utf-8"),
        ("src=\"/ui/a/", "text/javascript; charset=utf-8"),
    ] {
        let rest = page.split(attribute).nth(1).and_then(|rest| rest.split('"').next());
        let address = format!("/ui/a/{}", rest.expect("a file"));
        let request = |address: &str| {
            let request = Request::get(address).header(header::ACCEPT_ENCODING, "gzip");
            request.body(Body::empty()).unwrap()
        };
        let file = site.send(request(&address)).await;
        assert_eq!(file.status, StatusCode::OK, "{address}");
        assert_eq!(file.header("content-type"), content_type);
        assert_eq!(file.header("content-encoding"), "gzip");
        assert_eq!(file.header("cache-control"), "public, max-age=31536000, immutable");
        let name = address.rsplit('/').next().unwrap_or_default();
        let of_another_version = site.send(request(&format!("/ui/a/abc/{name}"))).await;
        assert_eq!(of_another_version.header("cache-control"), "no-cache");
        assert_eq!(of_another_version.body, file.body);
    }
    let unknown = site.send(Request::get("/ui/a/abc/x.js").body(Body::empty()).unwrap()).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_switches_keep_a_preference_and_return_to_the_page() {
    let site = Site::new();
    let visitor = site.visitor(Permission::ReadRuns);
    let form = "theme=dark&next=/ui?show%3Dlate";
    let mut request = site.request(Method::POST, &visitor, "/ui/preferences");
    request.headers_mut().insert("sec-fetch-site", HeaderValue::from_static("same-origin"));
    *request.body_mut() = Body::from(form);
    let shown = site.send(request).await;
    assert_eq!(shown.status, StatusCode::SEE_OTHER, "{}", shown.body);
    assert_eq!(shown.header("location"), "/ui?show=late");
    let kept = "flowruns-theme=dark; Path=/ui; Max-Age=31536000; SameSite=Lax; HttpOnly";
    assert_eq!(shown.header("set-cookie"), kept);

    let mut request = site.request(Method::GET, &visitor, "/ui");
    let cookie = request.headers()[header::COOKIE].to_str().unwrap().to_owned();
    let cookie = format!("{cookie}; flowruns-theme=dark; flowruns-zone=local");
    request.headers_mut().insert(header::COOKIE, cookie.parse().unwrap());
    let page = site.send(request).await.ok();
    assert!(page.contains("<html lang=\"en\" data-theme=\"dark\" data-zone=\"local\">"), "{page}");
    assert!(page.contains("value=\"dark\" aria-pressed=\"true\""), "{page}");
}

#[tokio::test]
async fn the_switches_never_redirect_to_another_site() {
    let site = Site::new();
    let visitor = site.visitor(Permission::ReadRuns);
    for next in
        ["https://evil.example/ui", "//evil.example", "/\\evil.example", "/", "javascript:1"]
    {
        let mut request = site.request(Method::POST, &visitor, "/ui/preferences");
        request.headers_mut().insert("sec-fetch-site", HeaderValue::from_static("same-origin"));
        *request.body_mut() = Body::from(format!("theme=dark&next={next}"));
        let shown = site.send(request).await;
        assert_eq!(shown.status, StatusCode::BAD_REQUEST, "{next}");
        assert_eq!(shown.header("location"), "", "{next}");
    }
}
