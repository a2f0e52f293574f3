//! Sign-ins that fail, and what the pages say.

use flowruns_testing::{
    issuer::{AUTHORIZATION_PATH, IssuerResponse, LocalIssuer, TOKEN_PATH},
    tokens::SigningKey,
};
use serde_json::json;

use crate::{
    browser::{Browser, Page},
    server::{CLIENT, Fixture, READ, people, server},
};

/// The URL with which the issuer sends the browser back, not opened yet.
async fn callback(fixture: &Fixture, browser: &mut Browser) -> String {
    let url = browser.url_at(&fixture.begin("/ui%3Fshow%3Dlate"), AUTHORIZATION_PATH).await;
    browser.get(&url).await.location()
}

fn assert_lost(page: &Page, browser: &Browser) {
    page.assert(200, "Begin again");
    assert!(page.address().starts_with("/ui/sign-in?after=lost"), "{}", page.url);
    assert!(browser.session().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_for_another_browser_or_with_another_state_signs_nobody_in() {
    let fixture = Fixture::start().await;
    let mut victim = Browser::new();
    let url = callback(&fixture, &mut Browser::new()).await;
    let page = victim.open(&url).await;
    assert_lost(&page, &victim);

    let mut browser = Browser::new();
    let url = callback(&fixture, &mut browser).await;
    let (before, after) = url.split_once("state=").unwrap();
    let (state, rest) = after.split_once('&').unwrap();
    let mixed = format!("{}AAAAAAAAAAAAAA", &state[..8]);
    for state in ["", "x", "AAAAAAAAAAAAAAAAAAAAAA", &mixed, &format!("{state}&state={state}")] {
        let page = browser.open(&format!("{before}state={state}&{rest}")).await;
        assert_lost(&page, &browser);
    }
    let exchanges = fixture.issuer.requests();
    assert!(!exchanges.iter().any(|path| path == TOKEN_PATH), "a code was sent to the issuer");
    browser.open(&url).await.assert(200, "Ada Lovelace");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_used_once() {
    let fixture = Fixture::start().await;
    let mut browser = Browser::new();
    let url = callback(&fixture, &mut browser).await;
    // A copy of the browser from before, as if the response had been recorded with its cookies.
    let mut copy = browser.clone();
    browser.open(&url).await.assert(200, "Ada Lovelace");
    let page = copy.open(&url).await;
    assert_lost(&page, &copy);
    // In the browser itself the attempt is over; the person is still signed in.
    let page = browser.open(&url).await;
    assert_eq!((page.status, page.address().as_str()), (200, "/ui"));
    browser.cookies.clear();
    let page = browser.open(&url).await;
    assert_lost(&page, &browser);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_token_of_another_attempt_application_or_issuer_is_rejected() {
    let fixture = Fixture::start().await;
    for identity in [
        json!({"nonce": "another"}),
        json!({"nonce": null}),
        json!({"aud": "another"}),
        json!({"aud": [CLIENT, "another"]}),
        json!({"aud": null}),
        json!({"azp": "another"}),
        json!({"iss": "https://issuer.example"}),
        json!({"exp": 1}),
    ] {
        fixture.issuer.change_people(|people| people.identity = identity.clone());
        let mut browser = Browser::new();
        let page = browser.open(&fixture.begin("/ui")).await;
        page.assert(403, "does not belong to this sign-in");
        assert!(browser.session().is_none(), "{identity}");
    }
    // Signed with a key that the issuer has not published.
    fixture.issuer.change_people(|people| {
        people.identity = json!({});
        people.key = SigningKey::es256("key");
    });
    let page = Browser::new().open(&fixture.begin("/ui")).await;
    page.assert(403, "does not belong to this sign-in");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_that_the_api_rejects_signs_nobody_in() {
    let fixture = Fixture::start().await;
    for (access, status, words) in [
        (json!({"aud": "another", "tid": "x"}), 403, "another audience"),
        (json!({"aud": "api://flowruns"}), 403, "tenant"),
        (json!({"aud": "api://flowruns", "tid": "nobody"}), 403, "tenant"),
    ] {
        fixture.issuer.change_people(|people| people.access = access.clone());
        let mut browser = Browser::new();
        browser.open(&fixture.begin("/ui")).await.assert(status, words);
        assert!(browser.session().is_none(), "{access}");
    }
    for scopes in ["", "profile"] {
        let access = people(scopes).access;
        fixture.issuer.change_people(|people| people.access = access);
        let page = Browser::new().open(&fixture.begin("/ui")).await;
        page.assert(403, "no permission");
    }
    let opaque = json!({"access_token": "opaque", "id_token": "opaque", "token_type": "Bearer"});
    let response = Some(IssuerResponse::Json(opaque));
    fixture.issuer.change_people(|people| people.token_response = response);
    let page = Browser::new().open(&fixture.begin("/ui")).await;
    page.assert(403, "does not belong to this sign-in");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_the_issuer_is_a_page_that_says_what_to_do() {
    let fixture = Fixture::start().await;
    for (error, status, words) in [
        ("access_denied", 200, "did not sign you in"),
        ("login_required", 200, "did not sign you in"),
        ("temporarily_unavailable", 503, "Try again in a minute"),
        ("server_error", 503, "Try again in a minute"),
        ("invalid_scope", 502, "invalid_scope"),
        ("<script>alert(1)</script>", 502, "an unknown error"),
    ] {
        fixture.issuer.change_people(|people| people.error = Some(error.to_owned()));
        let mut browser = Browser::new();
        let page = browser.open(&fixture.begin("/ui%3Fshow%3Dlate")).await;
        page.assert(status, words);
        assert!(!page.text.contains("<script>alert"), "{}", page.text);
        assert!(browser.session().is_none());
        if status == 200 {
            // The way to try again leads to the same page.
            page.assert(200, "begin=1&amp;next=%2Fui%3Fshow%3Dlate");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_of_another_issuer_is_not_used() {
    let fixture = Fixture::start().await;
    let named = |name: &str| {
        fixture.issuer.change_people(|people| people.named = Some(name.to_owned()));
    };
    named("https://evil.example");
    let page = Browser::new().open(&fixture.begin("/ui")).await;
    page.assert(400, "not from the issuer");
    let exchanges = fixture.issuer.requests();
    assert!(!exchanges.iter().any(|path| path == TOKEN_PATH), "the code was sent to the issuer");
    named(fixture.issuer.name());
    Browser::new().open(&fixture.begin("/ui")).await.assert(200, "Ada Lovelace");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_names_itself_must_do_so_in_each_response() {
    let issuer = LocalIssuer::start().await;
    let mut people = people(READ);
    people.named = Some(issuer.name().to_owned());
    issuer.sign_in(people);
    let server = server(&issuer, &[]);
    let fixture = Fixture { issuer, server };
    Browser::new().open(&fixture.begin("/ui")).await.assert(200, "Ada Lovelace");
    fixture.issuer.change_people(|people| people.named = None);
    Browser::new().open(&fixture.begin("/ui")).await.assert(400, "not from the issuer");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_is_away_or_slow_is_a_page_and_the_next_attempt_succeeds() {
    let fixture = Fixture::with(&[("FLOWRUNS_AUTH__FETCH_TIMEOUT_MS", "2000")]).await;
    for response in [
        IssuerResponse::Status(500),
        IssuerResponse::Status(404),
        IssuerResponse::Silence,
        IssuerResponse::Drip,
        IssuerResponse::Endless,
        IssuerResponse::Bytes(b"<html>".to_vec()),
        IssuerResponse::Json(json!({"access_token": "a"})),
        IssuerResponse::Redirect("http://127.0.0.1:1/".to_owned()),
    ] {
        fixture.issuer.change_people(|people| people.token_response = Some(response.clone()));
        let mut browser = Browser::new();
        let page = browser.open(&fixture.begin("/ui")).await;
        page.assert(503, "Try again in a minute");
        assert!(page.headers.contains_key("retry-after"), "{response:?}");
        assert!(browser.session().is_none());
    }
    fixture.issuer.change_people(|people| people.token_response = None);
    Browser::new().open(&fixture.begin("/ui")).await.assert(200, "Ada Lovelace");
    fixture.server.assert_no_panic();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_without_a_document_is_a_page_until_it_has_one() {
    let issuer = LocalIssuer::start().await;
    issuer.sign_in(people(READ));
    issuer.set_document(IssuerResponse::Status(503));
    let server = server(&issuer, &[]);
    let fixture = Fixture { issuer, server };
    let page = Browser::new().open(&fixture.begin("/ui")).await;
    page.assert(503, "Try again in a minute");
    let name = fixture.issuer.name();
    let document = |authorization: String| {
        IssuerResponse::Json(json!({
            "issuer": name, "jwks_uri": fixture.issuer.keys_url(),
            "authorization_endpoint": authorization, "token_endpoint": format!("{name}{TOKEN_PATH}"),
        }))
    };
    fixture.issuer.set_document(document("javascript:alert(1)".to_owned()));
    Browser::new().open(&fixture.begin("/ui")).await.assert(503, "Try again in a minute");
    // The key stays: the server may have fetched it already.
    fixture.issuer.set_document(document(format!("{name}{AUTHORIZATION_PATH}")));
    crate::server::in_time(async {
        while Browser::new().open(&fixture.begin("/ui")).await.status != 200 {}
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_may_not_try_without_end() {
    let fixture = Fixture::start().await;
    let from = |address: &'static str, url: String| {
        let mut browser = Browser::new();
        async move {
            let request = browser.request("GET", &url).header("x-forwarded-for", address);
            browser.send(request).await
        }
    };
    let mut browser = Browser::new();
    let url = callback(&fixture, &mut browser).await;
    let mut statuses = Vec::new();
    for _ in 0..70 {
        // The same attempt again and again, with a code that the issuer rejects.
        let mut copy = browser.clone();
        let request = copy.request("GET", &url.replace("code=", "code=x"));
        statuses.push(copy.send(request.header("x-forwarded-for", "203.0.113.9")).await.status);
    }
    assert_eq!(statuses[..60], [303; 60]);
    assert_eq!(statuses[60..], [429; 10]);
    let limited = from("203.0.113.9", fixture.url("/ui/sign-in")).await;
    assert_eq!(limited.status, 200, "the page itself stays available");
    // Another address is not limited.
    browser.open(&url).await.assert(200, "Ada Lovelace");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_a_registration_says_how_to_configure_it() {
    let issuer = LocalIssuer::start().await;
    let server = server(&issuer, &[("FLOWRUNS_AUTH__DASHBOARD__CLIENT_ID", "")]);
    let page = Browser::new().open(&server.url("/ui")).await;
    page.assert(501, "auth.dashboard.client_id");
    page.assert(501, "/ui/callback");
}
