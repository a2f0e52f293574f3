//! The address is the only state: reloading, going back and a second tab show the same.

use serde_json::Value;

use crate::{
    chromium::Chromium,
    site::{Site, flow_path},
    webdriver::Session,
};

#[tokio::test]
async fn filters_survive_a_reload_going_back_and_a_second_tab() {
    let Some(browser) = Chromium::start().await else { return };
    let site = Site::shared().await;
    site.sign_in(&browser).await;
    let flow = flow_path(site.demo.failed.flow_key());
    for path in ["/ui/runs", &flow] {
        browser.open(&site.url(path)).await;
        let unfiltered = rows(&browser).await;
        browser.click("main a[href*='status=failed']").await;
        browser.wait_for("location.search.includes('status=failed')").await;
        let (address, filtered) = (browser.location().await, rows(&browser).await);
        assert_ne!(filtered, unfiltered);
        assert!(!filtered.as_array().unwrap().is_empty());

        browser.reload().await;
        assert_eq!(
            (browser.location().await, rows(&browser).await),
            (address.clone(), filtered.clone())
        );
        browser.click("tr.pick a.name").await;
        browser.wait_for("location.pathname.includes('/runs/')").await;
        browser.back().await;
        assert_eq!(
            (browser.location().await, rows(&browser).await),
            (address.clone(), filtered.clone())
        );

        let first = browser.tab().await;
        browser.open_tab().await;
        browser.open(&address).await;
        assert_eq!(rows(&browser).await, filtered);
        browser.show_tab(&first).await;
        browser.back().await;
        assert_eq!(rows(&browser).await, unfiltered);
    }
}

#[tokio::test]
async fn a_name_that_is_typed_becomes_part_of_the_address() {
    let Some(browser) = Chromium::start().await else { return };
    let site = Site::shared().await;
    site.sign_in(&browser).await;
    browser.type_into("main input[name=name]", "SIS roster\u{e007}").await;
    browser.wait_for("location.search.includes('name=SIS')").await;
    let found = rows(&browser).await;
    assert_eq!(found.as_array().unwrap().len(), 2);
    browser.reload().await;
    assert_eq!(rows(&browser).await, found);
    assert_eq!(
        browser.run("return document.querySelector('main input[name=name]').value").await,
        "SIS roster"
    );
}

#[tokio::test]
async fn the_search_finds_a_run_by_its_id_and_a_flow_by_its_name() {
    let Some(browser) = Chromium::start().await else { return };
    let site = Site::shared().await;
    site.sign_in(&browser).await;
    let run = site.demo.warned.run;
    browser.type_into("#jump", &format!("{run}\u{e007}")).await;
    browser.wait_for(&format!("location.pathname.endsWith('/runs/{run}')")).await;
    browser.type_into("#jump", "Guardian contacts\u{e007}").await;
    browser.wait_for("document.querySelector('h1')?.textContent === 'Guardian contacts' || location.search.includes('Guardian')").await;
}

#[tokio::test]
async fn theme_and_zone_stay_as_they_were_chosen() {
    let Some(browser) = Chromium::start().await else { return };
    let site = Site::shared().await;
    site.sign_in(&browser).await;
    browser
        .devtools(
            "Emulation.setTimezoneOverride",
            serde_json::json!({"timezoneId": "Asia/Kolkata"}),
        )
        .await;
    browser.open(&site.url("/ui")).await;
    browser.click(".switches button[value=dark]").await;
    browser.wait_for("document.documentElement.dataset.theme === 'dark'").await;
    browser.press("z").await;
    browser.wait_for("document.querySelector('[data-zone-name]').textContent.includes('Kolkata') || document.querySelector('[data-zone-name]').textContent.includes('Calcutta')").await;
    // The choices are sent beside the page.
    browser.wait_for("document.cookie === '' || /dark/.test(document.cookie)").await;
    browser.open(&site.url("/ui/runs")).await;
    browser.wait_for("document.documentElement.dataset.theme === 'dark' && document.documentElement.dataset.zone === 'local'").await;
}

/// The addresses of the rows.
async fn rows(session: &Session) -> Value {
    session
        .run("return [...document.querySelectorAll('tr.pick a.name')].map((link) => link.pathname)")
        .await
}
