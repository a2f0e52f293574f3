//! Without JavaScript every page shows its content, and links and forms do what they say.

use serde_json::json;

use crate::{audit::console, chromium::Chromium, site::Site};

#[tokio::test]
async fn pages_work_without_scripts() {
    let Some(browser) = Chromium::start().await else { return };
    let site = Site::shared().await;
    // Scripts of pages are off; those of the test still run.
    browser.devtools("Emulation.setScriptExecutionDisabled", json!({"value": true})).await;
    site.sign_in(&browser).await;
    for page in site.pages() {
        browser.open(&site.url(&page.path)).await;
        let shown = browser.run("return document.querySelector('main h1').checkVisibility()").await;
        assert_eq!(shown, json!(true), "{}", page.name);
        // What only a script can do is not offered.
        let offered = browser.run("return [...document.querySelectorAll('[data-stream], [data-copy]')].filter((one) => one.checkVisibility({ visibilityProperty: true })).map((one) => one.outerHTML)").await;
        assert_eq!(offered, json!([]), "{}", page.name);
    }

    // Two of them are errors, which the console names.
    browser.log("browser").await;
    browser.open(&site.url("/ui")).await;
    browser.click(".switches button[value=dark]").await;
    browser
        .wait_for(
            "document.documentElement.dataset.theme === 'dark' && location.pathname === '/ui'",
        )
        .await;
    browser.type_into("main input[name=name]", "Guardian\u{e007}").await;
    browser.wait_for("document.querySelectorAll('tr.pick').length === 1").await;
    browser.click("tr.pick a.name").await;
    browser
        .wait_for("document.querySelector('h1').textContent.includes('Guardian contacts')")
        .await;
    browser.click("main a[href*='status=']").await;
    browser.wait_for("location.search.includes('status=')").await;
    browser.type_into("#jump", &format!("{}\u{e007}", site.demo.failed.run)).await;
    browser.wait_for("location.pathname.includes('/runs/')").await;
    browser.click("details.menu:has(form[action$='/ui/sign-out']) summary").await;
    browser.click("form[action$='/ui/sign-out'] button").await;
    browser.wait_for("location.pathname === '/ui/sign-in'").await;
    assert_eq!(console(&browser).await, [""; 0]);
}
