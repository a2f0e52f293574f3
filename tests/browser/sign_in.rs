//! People sign in at an issuer, see what they may do, and sign out.

use std::io::Write as _;

use flowruns_testing::{
    harness::ServerProcess,
    issuer::{LocalIssuer, People},
    scratch::ScratchDatabase,
    tokens::SigningKey,
};
use serde_json::json;

use crate::{
    FLOWRUNS,
    audit::{audit, console},
    chromium::Chromium,
    look::{Look, Theme},
};

const AUDIENCE: &str = "api://flowruns";
const CLIENT: &str = "dashboard";
const TENANT: &str = "1e0c5e0a-4f7b-4a35-9a5c-7b0f2d7f3c55";

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_at_the_issuer_and_out_again() {
    let Some(browser) = Chromium::start().await else { return };
    let issuer = LocalIssuer::start().await;
    let people = People::new(
        SigningKey::es256("key"),
        CLIENT,
        AUDIENCE,
        TENANT,
        "IndustryData-Run.Read.All",
    );
    issuer.sign_in(people);
    let database = ScratchDatabase::create().await;
    let server = server(&issuer, &database);

    browser.open(&server.url("/ui/runs?status=failed")).await;
    browser.wait_for("location.pathname === '/ui/sign-in'").await;
    for look in Look::all() {
        look.apply(&browser).await;
        let found = audit(&browser).await;
        assert!(found.is_empty(), "{look}: {found:#?}");
    }
    Look { width: 1280, theme: Theme::Light }.apply(&browser).await;
    browser.click("main a.btn.main").await;
    browser.wait_for("location.pathname + location.search === '/ui/runs?status=failed'").await;
    let who = browser.run("return document.querySelector('details.menu .who').textContent").await;
    assert_eq!(who, "Ada Lovelace");
    // A person who may only read is offered nothing else.
    let offered = browser.run("return document.querySelectorAll('main input[name=run], main form[method=post]').length").await;
    assert_eq!(offered, json!(0));

    browser.click("details.menu:has(form[action$='/ui/sign-out']) summary").await;
    browser.click("form[action$='/ui/sign-out'] button").await;
    browser.wait_for("location.pathname === '/ui/sign-in'").await;
    browser.open(&server.url("/ui")).await;
    browser.wait_for("location.pathname === '/ui/sign-in'").await;
    assert_eq!(console(&browser).await, [""; 0]);
}

fn server(issuer: &LocalIssuer, database: &ScratchDatabase) -> ServerProcess {
    // On a database, sessions are sealed with a key of their own.
    let mut key = tempfile::NamedTempFile::new().unwrap();
    key.write_all(&[7; 32]).unwrap();
    let settings = [
        ("DATABASE_URL", database.service_url()),
        ("FLOWRUNS_HTTP__CURSOR_KEY_FILE", key.path().to_str().unwrap().to_owned()),
        ("FLOWRUNS_AUTH__ISSUER", issuer.name().to_owned()),
        ("FLOWRUNS_AUTH__AUDIENCE", AUDIENCE.to_owned()),
        ("FLOWRUNS_AUTH__DASHBOARD__CLIENT_ID", CLIENT.to_owned()),
    ];
    FLOWRUNS.server().envs(settings).start()
}
