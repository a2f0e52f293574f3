//! The silent renewal of sessions that have expired.

use flowruns_testing::issuer::AUTHORIZATION_PATH;

use crate::{
    browser::Browser,
    server::{Fixture, in_time},
};

/// A browser whose session has just expired. The issuer's tokens live for three seconds.
async fn expired(fixture: &Fixture) -> Browser {
    fixture.issuer.change_people(|people| people.lifetime = 3);
    let mut browser = Browser::new();
    browser.open(&fixture.begin("/ui")).await.assert(200, "Ada Lovelace");
    until_expired(fixture, &mut browser).await;
    browser
}

async fn until_expired(fixture: &Fixture, browser: &mut Browser) {
    let url = fixture.url("/ui");
    in_time(async { while browser.get(&url).await.status == 200 {} }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_session_is_renewed_without_input_and_the_page_is_shown() {
    let fixture = Fixture::start().await;
    let mut browser = expired(&fixture).await;
    let mut other_tab = browser.clone();
    fixture.issuer.change_people(|people| people.lifetime = 3600);
    let asked = other_tab.url_at(&fixture.url("/ui?show=late"), AUTHORIZATION_PATH).await;
    assert!(asked.ends_with("&prompt=none"), "{asked}");
    let page = browser.open(&fixture.url("/ui?show=late")).await;
    assert_eq!(page.address(), "/ui?show=late");
    page.assert(200, "Ada Lovelace");
    // Another tab that was sent to the issuer at the same time returns to its page, too.
    let page = other_tab.open(&asked).await;
    assert_eq!((page.status, page.address().as_str()), (200, "/ui?show=late"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_that_needs_input_shows_the_sign_in_once_and_ends_the_session() {
    let fixture = Fixture::start().await;
    let mut browser = expired(&fixture).await;
    fixture.issuer.change_people(|people| people.silent_error = Some("login_required".to_owned()));
    let page = browser.open(&fixture.url("/ui?show=late")).await;
    page.assert(200, "Your session has expired");
    page.assert(200, "next=%2Fui%3Fshow%3Dlate");
    assert!(browser.session().is_none());
    let before = fixture.issuer.requests().len();
    browser.open(&fixture.url("/ui")).await.assert(200, "Continue with");
    assert_eq!(fixture.issuer.requests().len(), before, "the issuer was asked again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_does_not_make_a_session_of_another_person() {
    let fixture = Fixture::start().await;
    let mut browser = expired(&fixture).await;
    fixture.issuer.change_people(|people| {
        people.lifetime = 3600;
        people.access["oid"] = "another person".into();
        people.identity["name"] = "Grace Hopper".into();
    });
    let page = browser.open(&fixture.url("/ui?show=late")).await;
    page.assert(200, "Your session has expired");
    page.assert(200, "next=%2Fui%3Fshow%3Dlate");
    assert!(browser.session().is_none());
    browser.open(&fixture.begin("/ui")).await.assert(200, "Grace Hopper");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_sent_to_the_issuer_once_even_if_the_issuer_shows_an_error_of_its_own() {
    let fixture = Fixture::start().await;
    let mut browser = expired(&fixture).await;
    let asked = browser.url_at(&fixture.url("/ui"), AUTHORIZATION_PATH).await;
    assert!(asked.ends_with("&prompt=none"), "{asked}");
    // The person goes back instead of returning from the issuer.
    let page = browser.open(&fixture.url("/ui")).await;
    page.assert(200, "Your session has expired");
    page.assert(200, "Continue with");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_whose_session_expires_at_once_is_not_repeated() {
    let fixture = Fixture::start().await;
    let mut browser = expired(&fixture).await;
    browser.open(&fixture.url("/ui")).await.assert(200, "Ada Lovelace");
    until_expired(&fixture, &mut browser).await;
    let before = fixture.issuer.requests().len();
    browser.open(&fixture.url("/ui")).await.assert(200, "Continue with");
    assert_eq!(fixture.issuer.requests().len(), before, "the issuer was asked again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_expires_at_once_makes_no_session() {
    let fixture = Fixture::start().await;
    fixture.issuer.change_people(|people| people.lifetime = 1);
    let mut browser = Browser::new();
    browser.open(&fixture.begin("/ui")).await.assert(502, "expires within seconds");
    assert!(browser.session().is_none());
}
