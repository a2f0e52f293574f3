//! Pages that are not shown: what they say, and as JSON.

use axum::http::{Method, StatusCode};
use flowruns_http::auth::Permission;

use crate::harness::Site;

#[tokio::test]
async fn an_unknown_address_is_a_page_that_leads_to_the_flows() {
    let site = Site::new();
    let shown = site.get("/ui/nothing").await;
    assert_eq!(shown.status, StatusCode::NOT_FOUND);
    assert_eq!(shown.header("content-type"), "text/html; charset=utf-8");
    for part in ["<h1>There is no such page</h1>", "href=\"/ui\">All flows</a>", "/ui/nothing"] {
        assert!(shown.body.contains(part), "{part}: {}", shown.body);
    }
    let shown = site.get("/ui/nothing.json").await;
    assert_eq!(shown.status, StatusCode::NOT_FOUND);
    assert_eq!(shown.header("content-type"), "application/json");
    assert!(shown.body.contains("\"code\":\"pageNotFound\""), "{}", shown.body);
}

#[tokio::test]
async fn parameters_that_are_not_understood_are_named_and_can_be_left_out() {
    let site = Site::new();
    let shown = site.get("/ui?show=late&size=0&colour=%3Cb%3Ered").await;
    assert_eq!(shown.status, StatusCode::BAD_REQUEST);
    for part in [
        "<code><bdi>size=0</bdi></code> It must be a number from 1 to 100.",
        "<code><bdi>colour=&lt;b&gt;red</bdi></code> Known parameters: show, name, after, size.",
        "href=\"/ui?show=late\">Show without them</a>",
    ] {
        assert!(shown.body.contains(part), "{part}: {}", shown.body);
    }
    assert!(!shown.body.contains("<b>red"), "{}", shown.body);
    let position = "/ui?after=01a22061-4410-7b93-9478-afe5cfa8ec52%20a%00";
    let with_nul = ["/ui?name=%00", "/ui.json?name=a%00", "/ui/go?q=%00", position];
    for address in ["/ui/report?x=1", "/ui/go?x=1"].into_iter().chain(with_nul) {
        assert_eq!(site.get(address).await.status, StatusCode::BAD_REQUEST, "{address}");
    }
}

#[tokio::test]
async fn a_method_that_a_page_does_not_have_is_405() {
    let site = Site::new();
    let visitor = site.visitor(Permission::WriteFlows);
    let shown = site.send(site.request(Method::DELETE, &visitor, "/ui")).await;
    assert_eq!(shown.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(shown.header("allow"), "GET,HEAD");
    assert!(shown.body.contains("<h1>This address cannot be used in this way</h1>"));
}

#[tokio::test]
async fn a_failure_of_the_gate_is_a_page() {
    let site = Site::new();
    let shown = site.get("/ui/open?code=x").await;
    assert_eq!(shown.status, StatusCode::BAD_REQUEST);
    assert!(shown.body.contains("<p>This link is not valid.</p>"), "{}", shown.body);
    // People send the line with the request id to others.
    assert!(shown.body.contains(">/ui/open · 400 "), "{}", shown.body);
}

#[tokio::test]
async fn the_sign_in_page_says_how_and_has_the_switches() {
    let site = Site::new();
    let page = site.get("/ui/sign-in").await.ok();
    for part in
        ["<h1>Sign in to flowruns</h1>", "You are signed out.", "flowruns open", "name=\"theme\""]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
}
