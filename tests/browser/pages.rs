//! Every page, in every size and both themes.

use crate::{
    audit::{audit, console, load},
    chromium::Chromium,
    look::Look,
    site::Site,
};

#[tokio::test]
async fn every_page_is_sound_in_every_size_and_theme() {
    let Some(browser) = Chromium::start().await else { return };
    let site = Site::shared().await;
    site.sign_in(&browser).await;
    let mut found = Vec::new();
    for look in Look::all() {
        look.apply(&browser).await;
        for page in site.pages() {
            browser.log("browser").await;
            browser.open(&site.url(&page.path)).await;
            let audited = audit(&browser).await;
            let messages = console(&browser).await;
            let faults = audited.into_iter().chain(messages);
            found.extend(faults.map(|fault| format!("{}, {look}: {fault}", page.name)));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[tokio::test]
async fn bytes_and_requests_stay_within_their_budgets() {
    let Some(browser) = Chromium::start().await else { return };
    let site = Site::shared().await;
    site.sign_in(&browser).await;
    for page in site.pages() {
        browser.devtools("Network.clearBrowserCache", serde_json::json!({})).await;
        browser.log("performance").await;
        browser.open(&site.url(&page.path)).await;
        let first = load(&browser).await;
        assert!(first.requests.len() <= 3, "{}: {:?}", page.name, first.requests);
        let elsewhere = first.requests.iter().find(|url| !url.starts_with(&site.url("/")));
        assert_eq!(elsewhere, None, "{}", page.name);
        let (css, js) = (first.bytes_of("/app.css"), first.bytes_of("/app.js"));
        assert!((1..=8 * 1024).contains(&css), "app.css has {css} bytes");
        assert!((1..=6 * 1024).contains(&js), "app.js has {js} bytes");
        let html = first.total_bytes() - css - js;
        assert!(html <= page.budget, "{}: {html} bytes, more than {}", page.name, page.budget);
        println!("{}: {html} bytes of HTML, {css} of CSS, {js} of JavaScript", page.name);

        browser.open(&site.url(&page.path)).await;
        let second = load(&browser).await;
        assert!(second.requests.len() <= 1, "{}: {:?}", page.name, second.requests);
    }
}
