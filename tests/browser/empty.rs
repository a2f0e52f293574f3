//! A new server: the pages lead to the first report, and show it when it arrives.

use flowruns_testing::scratch::ScratchDatabase;
use serde_json::json;

use crate::{
    FLOWRUNS,
    audit::{audit, console},
    chromium::Chromium,
    live::IS_LIVE,
    look::Look,
    site::printed,
};

const TENANT: &str = "0e9e5f3c-52a4-4c39-8f0b-6a5d1c1e7b21";

#[tokio::test]
async fn without_flows_the_overview_leads_to_the_first_report_which_then_shows() {
    let Some(browser) = Chromium::start().await else { return };
    let database = ScratchDatabase::create().await;
    let server = FLOWRUNS.server().env("DATABASE_URL", database.service_url()).start();
    // The server creates a flow for the tenant of its examples, but not for this one.
    let link = ["open", "--print", "--url", &server.url(""), "--tenant", TENANT];
    browser.open(&printed(&server, &link)).await;
    for look in Look::all() {
        look.apply(&browser).await;
        for path in ["/ui", "/ui/runs", "/ui/timeline", "/ui/report"] {
            browser.open(&server.url(path)).await;
            let found = audit(&browser).await;
            assert!(found.is_empty(), "{path}, {look}: {found:#?}");
        }
    }
    browser.open(&server.url("/ui")).await;
    assert_eq!(browser.run("return document.querySelectorAll('tr.pick').length").await, json!(0));
    browser.click("main a[href='/ui/report']").await;
    browser.wait_for("location.pathname === '/ui/report'").await;
    browser.wait_for(IS_LIVE).await;
    let api = server.client().with_token(&printed(&server, &["token", "--tenant", TENANT]));
    let flow = api.create_flow().await;
    let run = api.create_run(&flow).await;
    let (_, id) = run.rsplit_once('/').unwrap();
    browser.wait_for(&format!("document.querySelector('main a[href$=\"{id}\"]')")).await;
    browser.open(&server.url("/ui")).await;
    assert_eq!(browser.run("return document.querySelectorAll('tr.pick').length").await, json!(1));
    assert_eq!(console(&browser).await, [""; 0]);
}
