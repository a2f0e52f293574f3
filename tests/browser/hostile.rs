//! Values that clients chose are text on every page.

use serde_json::json;

use crate::{
    audit::{audit, console},
    chromium::Chromium,
    look::{Look, Theme},
    site::{Site, flow_path, run_path},
};
use flowruns_testing::demo::CANARY;

#[tokio::test]
async fn hostile_names_errors_and_statistics_are_shown_as_text() {
    let Some(browser) = Chromium::start().await else { return };
    let site = Site::shared().await;
    site.sign_in(&browser).await;
    browser.log("browser").await;
    let hostile = site.hostile();
    let paths = [
        "/ui".to_owned(),
        flow_path(hostile.failed.flow_key()),
        run_path(hostile.failed),
        format!("{}?only=differences", run_path(hostile.failed)),
        run_path(hostile.running),
        "/ui/runs?status=failed".to_owned(),
        "/ui/timeline".to_owned(),
        "/ui?name=%22%3E%3Cimg%20src%3Dx%20onerror%3D%22window.__xss%3D9%22%3E".to_owned(),
        "/ui/go?q=%3Cscript%3Ewindow.__xss%3D9%3C%2Fscript%3E".to_owned(),
        "/ui/runs?%3Cscript%3Ewindow.__xss%3D9%3C%2Fscript%3E=1".to_owned(),
    ];
    for look in [Look { width: 1280, theme: Theme::Light }, Look { width: 390, theme: Theme::Dark }]
    {
        look.apply(&browser).await;
        for path in &paths {
            browser.open(&site.url(path)).await;
            browser
                .run("for (const box of document.querySelectorAll('details')) box.open = true")
                .await;
            let mut found = audit(&browser).await;
            // The test has just opened what was folded.
            found.retain(|fault| !fault.starts_with("the layout shifts"));
            assert!(found.is_empty(), "{path}, {look}: {found:#?}");
            assert_eq!(console(&browser).await, [""; 0], "{path}");
            assert_eq!(
                browser.run(&format!("return '{CANARY}' in window")).await,
                json!(false),
                "{path}"
            );
        }
    }
    browser.open(&site.url(&run_path(hostile.failed))).await;
    browser.wait_for(r#"document.querySelector("main").textContent.includes('"><img src=x onerror="window.__xss=1">')"#).await;
}

#[tokio::test]
async fn a_hostile_report_that_arrives_while_a_page_is_open_is_text() {
    let Some(browser) = Chromium::start().await else { return };
    let site = Site::shared().await;
    site.sign_in(&browser).await;
    browser.open(&site.url(&run_path(site.hostile().running))).await;
    browser.wait_for("document.querySelector('[data-stream]').dataset.state === 'on'").await;
    let text = "<img src=x onerror='window.__xss=10'>-now";
    site.report(site.hostile().running, &json!({"statistics": {text: text}})).await;
    browser
        .wait_for(&format!("document.querySelector('main').textContent.includes({})", json!(text)))
        .await;
    assert_eq!(browser.run(&format!("return '{CANARY}' in window")).await, json!(false));
    assert_eq!(console(&browser).await, [""; 0]);
}
