//! People who sign in at the issuer.

use flowruns_testing::issuer::{AUTHORIZATION_PATH, END_SESSION_PATH};
use reqwest::Url;

use crate::{
    browser::Browser,
    server::{CLIENT, Fixture},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_and_returns_to_the_page_that_was_asked_for() {
    let fixture = Fixture::start().await;
    let mut browser = Browser::new();
    let offered = browser.open(&fixture.url("/ui?show=late")).await;
    offered.assert(200, "Continue with 127.0.0.1");
    assert_eq!(offered.url.path(), "/ui/sign-in");
    assert!(browser.cookies.is_empty(), "{:?}", browser.cookies);

    let link = offered.text.split("href=\"").find(|part| part.contains("begin=1")).unwrap();
    let link = link.split('"').next().unwrap().replace("&amp;", "&");
    let page = browser.open(&fixture.url(&link)).await;
    assert_eq!(page.address(), "/ui?show=late");
    page.assert(200, "Ada Lovelace");
    assert!(browser.session().is_some());
    assert_eq!(browser.cookies.len(), 1, "the state of the sign-in is forgotten");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_request_to_the_issuer_has_a_proof_key_a_state_and_a_nonce_of_its_own() {
    let settings = [("FLOWRUNS_AUTH__DASHBOARD__SCOPE", "openid profile api://flowruns/.default")];
    let fixture = Fixture::with(&settings).await;
    let asked = async || {
        let url = Browser::new().url_at(&fixture.begin("/ui"), AUTHORIZATION_PATH).await;
        url.parse::<Url>().unwrap()
    };
    let (first, second) = (asked().await, asked().await);
    let value = |url: &Url, name: &str| {
        let mut pairs = url.query_pairs();
        pairs.find(|(sent, _)| sent == name).map(|(_, value)| value.into_owned()).unwrap()
    };
    for (name, expected) in [
        ("response_type", "code"),
        ("client_id", CLIENT),
        ("scope", "openid profile api://flowruns/.default"),
        ("code_challenge_method", "S256"),
        ("redirect_uri", &fixture.url("/ui/callback")),
    ] {
        assert_eq!(value(&first, name), expected);
    }
    for (name, length) in [("state", 22), ("nonce", 22), ("code_challenge", 43)] {
        assert_eq!(value(&first, name).len(), length, "{name}");
        assert_ne!(value(&first, name), value(&second, name), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_with_a_secret_proves_itself() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, "s3cret\n").unwrap();
    let path = file.to_str().unwrap();
    let fixture = Fixture::with(&[("FLOWRUNS_AUTH__DASHBOARD__CLIENT_SECRET_FILE", path)]).await;
    fixture.issuer.change_people(|people| people.client_secret = Some("s3cret".to_owned()));
    let page = Browser::new().open(&fixture.begin("/ui")).await;
    page.assert(200, "Ada Lovelace");

    fixture.issuer.change_people(|people| people.client_secret = Some("another".to_owned()));
    let page = Browser::new().open(&fixture.begin("/ui")).await;
    page.assert(502, "invalid_client");
    assert!(!fixture.server.log().contains("s3cret"), "the secret is in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn several_tabs_sign_in_at_the_same_time() {
    let fixture = Fixture::start().await;
    let mut browser = Browser::new();
    let mut asked = Vec::new();
    for show in ["late", "stale", "running"] {
        let begin = fixture.begin(&format!("/ui%3Fshow%3D{show}"));
        asked.push((show, browser.url_at(&begin, AUTHORIZATION_PATH).await));
    }
    // The issuer answers in another order.
    for (show, url) in asked.into_iter().rev() {
        let page = browser.open(&url).await;
        assert_eq!((page.status, page.address()), (200, format!("/ui?show={show}")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_is_signed_in_goes_on_without_the_issuer() {
    let fixture = Fixture::start().await;
    let mut browser = Browser::new();
    browser.open(&fixture.begin("/ui")).await.assert(200, "Ada Lovelace");
    let before = fixture.issuer.requests().len();
    let page = browser.open(&fixture.begin("/ui%3Fshow%3Dlate")).await;
    assert_eq!((page.status, page.address().as_str()), (200, "/ui?show=late"));
    assert_eq!(fixture.issuer.requests().len(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sign_in_returns_to_pages_of_the_dashboard_only() {
    let fixture = Fixture::start().await;
    for next in [
        "//evil.example/ui",
        "https://evil.example/ui",
        "/%5Cevil.example",
        "/ui%2F%2Fevil.example",
        "/ui/..%2F..%2Fevil",
        "/ui/%252e%252e/docs",
        "/ui%0d%0aLocation:%20https://evil.example",
        "/industryData/incomingFlows",
        "javascript:alert(1)",
        "/ui/sign-out",
    ] {
        let mut browser = Browser::new();
        let page = browser.open(&fixture.begin(next)).await;
        assert_eq!((page.status, page.url.as_str()), (200, &*fixture.url("/ui")), "{next}");
        // The same with a session.
        let page = browser.get(&fixture.url(&format!("/ui/sign-in?next={next}"))).await;
        assert_eq!(page.location(), fixture.url("/ui"), "{next}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_ends_the_session_and_offers_to_sign_out_of_the_issuer() {
    let fixture = Fixture::start().await;
    let mut browser = Browser::new();
    let page = browser.open(&fixture.begin("/ui")).await;
    let token =
        page.text.split("name=\"token\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let kept = browser.clone();
    let sign_out = |site: &str, token: &str| {
        let request = browser.request("POST", &fixture.url("/ui/sign-out"));
        let request = request.header("sec-fetch-site", site);
        request
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("token={token}"))
    };
    let (foreign, without, right) = (
        sign_out("cross-site", token),
        sign_out("same-origin", "AAAA"),
        sign_out("same-origin", token),
    );
    for rejected in [foreign, without] {
        assert_eq!(browser.send(rejected).await.status, 403);
    }
    browser.open(&fixture.url("/ui")).await.assert(200, "Ada Lovelace");

    let page = browser.send(right).await;
    assert_eq!(
        (page.status, page.headers["clear-site-data"].to_str().unwrap()),
        (303, "\"cache\"")
    );
    assert!(browser.session().is_none());
    let page = browser.follow(page).await;
    page.assert(200, "You are signed out");
    page.assert(200, END_SESSION_PATH);
    // A copy of the cookie is worth nothing either, on this server.
    let mut copy = kept;
    let page = copy.get(&fixture.url("/ui")).await;
    assert!(page.location().contains("/ui/sign-in"), "{}", page.status);
}
