//! Pages show what changes, and let a server stop.

use rustix::process::Signal;
use serde_json::json;

use crate::{
    FLOWRUNS,
    audit::console,
    chromium::Chromium,
    site::{Site, run_path},
    wait::PATIENCE,
};

pub(crate) const IS_LIVE: &str = "document.querySelector('[data-stream]').dataset.state === 'on'";

#[tokio::test]
async fn a_report_shows_on_the_page_of_its_run_and_on_the_overview() {
    let Some(browser) = Chromium::start().await else { return };
    let site = Site::shared().await;
    site.sign_in(&browser).await;
    let run = site.demo.running;
    browser.open(&site.url(&run_path(run))).await;
    browser.wait_for(IS_LIVE).await;
    site.report(run, &json!({"statistics": {"records": {"read": 1_234_567}}})).await;
    let shown = "/1[,\\u202f\\u00a0]?234[,\\u202f\\u00a0]?567/.test(document.querySelector('main').textContent)";
    let after = browser.wait_for(shown).await;
    println!("a report was shown after {after:?}");

    browser.open(&site.url("/ui")).await;
    browser.wait_for(IS_LIVE).await;
    // The newest run of this flow has completed.
    let flow = site.demo.warned.flow_key();
    let badge =
        format!("document.querySelector('tr.pick:has(a[href$=\"{}\"]) .badge.run')", flow.flow);
    assert_eq!(browser.run(&format!("return {badge}")).await, json!(null));
    let created = site.create_run(flow).await;
    let after = browser.wait_for(&badge).await;
    println!("a creation was shown after {after:?}");
    site.report(created, &json!({"status": "completed"})).await;
    browser.wait_for(&format!("!{badge}")).await;
    assert_eq!(console(&browser).await, [""; 0]);
}

#[tokio::test]
async fn pages_are_told_when_a_server_stops_and_are_live_again_after_a_restart() {
    let Some(browser) = Chromium::start().await else { return };
    let mut site = Site::start(FLOWRUNS.server()).await;
    site.sign_in(&browser).await;
    browser.wait_for(IS_LIVE).await;
    site.server.signal(Signal::TERM);
    browser.wait_for(&format!("!({IS_LIVE})")).await;
    assert_eq!(site.server.wait().code(), Some(0));
    site.server.restart();
    browser.wait_at_most(2 * PATIENCE, IS_LIVE).await;
    site.server.assert_no_panic();
}

#[tokio::test]
async fn what_a_reader_does_survives_an_update() {
    let Some(browser) = Chromium::start().await else { return };
    let site = Site::shared().await;
    site.sign_in(&browser).await;
    let run = site.demo.stale;
    browser.open(&site.url(&run_path(run))).await;
    browser.wait_for(IS_LIVE).await;
    browser.run("const box = document.querySelector('details.jsonbox, main details'); box.open = true; box.querySelector('summary').focus()").await;
    browser.run("scrollTo(0, 120)").await;
    let before = browser.run("return scrollY").await;
    site.report(run, &json!({"statistics": {"marker": "arrived-now"}})).await;
    browser.wait_for("document.querySelector('main').textContent.includes('arrived-now')").await;
    let after = browser.run("return [document.activeElement.localName, document.activeElement.parentElement.open, scrollY]").await;
    assert_eq!(after, json!(["summary", true, before]));
}
