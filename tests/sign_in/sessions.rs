//! What a session is worth, and where.

use flowruns_testing::issuer::LocalIssuer;
use reqwest::header::{AUTHORIZATION, COOKIE};

use crate::{
    browser::Browser,
    server::{Fixture, READ, people, server},
};

/// A browser with a session.
async fn signed_in(fixture: &Fixture) -> Browser {
    let mut browser = Browser::new();
    browser.open(&fixture.begin("/ui")).await.assert(200, "Ada Lovelace");
    browser
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_accepts_no_session() {
    let fixture = Fixture::start().await;
    let mut browser = signed_in(&fixture).await;
    let flows = fixture.url("/industryData/incomingFlows");
    for method in ["GET", "POST", "PATCH", "DELETE"] {
        let request = browser.request(method, &flows);
        let page = browser.send(request).await;
        let is_unknown_method = page.status == 405;
        assert!(page.status == 401 || is_unknown_method, "{method}: {}", page.status);
    }
    assert_eq!(browser.get(&flows).await.status, 401);
    assert_eq!(browser.get(&fixture.url("/$metadata")).await.status, 200);
    // Nor is the value of the cookie a token.
    let (_, value) = browser.session().unwrap();
    let request = Browser::new().request("GET", &flows).bearer_auth(value);
    assert_eq!(Browser::new().send(request).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_accept_no_bearer_token() {
    let fixture = Fixture::start().await;
    let people = people(READ);
    let mut claims = people.access.clone();
    claims["iss"] = fixture.issuer.name().into();
    claims["exp"] = 4_102_444_800_u64.into();
    let token = people.key.token(&claims);
    fixture.issuer.publish(&[&people.key]);
    let request = Browser::new().request("GET", &fixture.url("/ui"));
    let page = Browser::new().send(request.header(AUTHORIZATION, format!("Bearer {token}"))).await;
    assert!(page.location().contains("/ui/sign-in"), "{}", page.status);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_session_is_none() {
    let fixture = Fixture::start().await;
    let browser = signed_in(&fixture).await;
    let (name, value) = browser.session().unwrap();
    // Each byte is changed by a test of the session itself; here the whole way of a few.
    for index in [0, 1, 20, value.len() / 2, value.len() - 1] {
        let mut changed = value.to_owned();
        let other = if value.as_bytes()[index] == b'A' { "B" } else { "A" };
        changed.replace_range(index..=index, other);
        let mut forger = Browser::new();
        forger.cookies.insert(name.to_owned(), changed);
        let page = forger.get(&fixture.url("/ui")).await;
        assert!(page.location().contains("/ui/sign-in"), "{index}: {}", page.status);
    }
    // The name for https does not make a session of http one of https.
    let renamed = format!("__Host-{name}={value}");
    let request = Browser::new().request("GET", &fixture.url("/ui")).header(COOKIE, renamed);
    let page = Browser::new().send(request).await;
    assert!(page.location().contains("/ui/sign-in"), "{}", page.status);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_valid_on_the_servers_that_share_a_secret_and_on_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("a secret of the servers called {name}")).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (ours, others) = (file("ours"), file("others"));
    let key_file = "FLOWRUNS_HTTP__CURSOR_KEY_FILE";
    let issuer = LocalIssuer::start().await;
    issuer.sign_in(people(READ));
    let start = |file: &str| server(&issuer, &[(key_file, file)]);
    let (first, second, other) = (start(&ours), start(&ours), start(&others));
    let mut browser = Browser::new();
    browser.open(&first.url("/ui/sign-in?begin=1")).await.assert(200, "Ada Lovelace");
    browser.open(&second.url("/ui")).await.assert(200, "Ada Lovelace");
    let page = browser.get(&other.url("/ui")).await;
    assert!(page.location().contains("/ui/sign-in"), "{}", page.status);
    // Signing in there as well ends no session: both servers are on one host, to whose ports browsers send the same cookies.
    let both = {
        let mut browser = browser.clone();
        browser.open(&other.url("/ui/sign-in?begin=1")).await.assert(200, "Ada Lovelace");
        browser
    };
    for server in [&first, &second, &other] {
        both.clone().open(&server.url("/ui")).await.assert(200, "Ada Lovelace");
    }
    // Nor on one with the same secret at which nobody can sign in.
    let without = [(key_file, ours.as_str()), ("FLOWRUNS_AUTH__DASHBOARD__CLIENT_ID", "")];
    let without = server(&issuer, &without);
    let page = browser.get(&without.url("/ui")).await;
    assert!(page.location().contains("/ui/sign-in"), "{}", page.status);
}

#[tokio::test(flavor = "multi_thread")]
async fn over_https_the_session_is_bound_to_its_host_and_over_http_from_elsewhere_there_is_none() {
    let fixture = Fixture::start().await;
    let through_a_proxy = |proto: &str, host: &str| {
        let request = Browser::new().request("GET", &fixture.begin("/ui"));
        request.header("x-forwarded-proto", proto).header("x-forwarded-host", host)
    };
    // An address instead of a name: no name is configured as a host of the dashboard.
    let page = Browser::new().send(through_a_proxy("https", "203.0.113.9")).await;
    assert_eq!(page.status, 303, "{}", page.text);
    for cookie in page.set_cookies() {
        let attributes = "; Path=/; HttpOnly; SameSite=Lax; Secure";
        assert!(cookie.starts_with("__Host-flowruns-") && cookie.contains(attributes), "{cookie}");
    }
    let back = "redirect_uri=https%3A%2F%2F203.0.113.9%2Fui%2Fcallback";
    assert!(page.location().contains(back), "{}", page.location());
    let page = Browser::new().send(through_a_proxy("http", "203.0.113.9")).await;
    page.assert(400, "over https only");
    assert!(page.set_cookies().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_code_or_cookie_is_in_the_log() {
    let fixture = Fixture::with(&[("RUST_LOG", "debug")]).await;
    let mut browser = signed_in(&fixture).await;
    browser.open(&fixture.url("/ui/callback?code=a-code-of-somebody&state=x")).await;
    let log = fixture.server.log();
    let requests: Vec<&str> = log.lines().filter(|line| line.contains("route=")).collect();
    let is_logged = requests.iter().any(|line| line.contains("/ui/callback"));
    assert!(is_logged, "{requests:#?}");
    let (_, session) = browser.session().unwrap();
    for secret in [session, "a-code-of-somebody", "code-1", "eyJ"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}
