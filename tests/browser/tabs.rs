//! Only the tab that is shown has a stream.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::time::sleep;

use crate::{
    FLOWRUNS,
    chromium::Chromium,
    live::IS_LIVE,
    site::{Site, run_path},
    wait::PATIENCE,
};

#[tokio::test]
async fn a_hidden_tab_closes_its_stream_and_catches_up_when_it_is_shown() {
    let Some(browser) = Chromium::start().await else { return };
    let site = Site::start(FLOWRUNS.server()).await;
    site.sign_in(&browser).await;
    let run = site.demo.running;
    browser.open(&site.url(&run_path(run))).await;
    browser.wait_for(IS_LIVE).await;
    wait_for_streams(&site, 1).await;
    let first = browser.tab().await;
    browser.open_tab().await;
    wait_for_streams(&site, 0).await;

    site.report(run, &json!({"statistics": {"sinceHidden": 7_654_321}})).await;
    browser.show_tab(&first).await;
    wait_for_streams(&site, 1).await;
    browser.wait_for(IS_LIVE).await;
    browser.wait_for("document.querySelector('main').textContent.includes('7,654,321')").await;
}

/// Waits until the server has this number of open streams.
async fn wait_for_streams(site: &Site, expected: u32) {
    let metrics = format!("{}/metrics", site.server.admin_url());
    let line = format!("flowruns_dashboard_streams {expected}");
    let begun = Instant::now();
    loop {
        let text = reqwest::get(&metrics).await.unwrap().text().await.unwrap();
        if text.lines().any(|shown| shown == line) {
            return;
        }
        let shown = text.lines().find(|line| line.starts_with("flowruns_dashboard_streams "));
        assert!(begun.elapsed() < PATIENCE, "{line} was expected: {shown:?}");
        sleep(Duration::from_millis(20)).await;
    }
}
