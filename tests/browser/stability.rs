//! Nothing moves while a page loads: not when its scripts start late, nor when it arrives in parts.

use serde_json::json;

use crate::{
    audit::audit,
    chromium::Chromium,
    look::{Look, Theme, WIDTHS},
    site::Site,
};

/// The elements of a page with their places, in document order. Times that pass are left out: they change between two loads.
const PLACES: &str = "return [...document.querySelectorAll('body *')]
    .filter((element) => !element.closest('.sr, svg, time') && element.checkVisibility({ visibilityProperty: true }))
    .map((element) => {
      const box = element.getBoundingClientRect();
      const name = element.localName + (element.id && '#' + element.id) + [...element.classList].map((one) => '.' + one).join('');
      return [name, Math.round(box.left), Math.round(box.top + scrollY)];
    })";

/// Bytes a second of a slow network: a page arrives over about a second.
const SLOW: u32 = 24 * 1024;

/// A script that starts after the first paint must not move what is shown already.
#[tokio::test]
async fn scripts_move_nothing() {
    let Some(browser) = Chromium::start().await else { return };
    let site = Site::shared().await;
    site.sign_in(&browser).await;
    browser.devtools("Network.enable", json!({})).await;
    let mut moved = Vec::new();
    for width in WIDTHS {
        let look = Look { width, theme: Theme::Light };
        look.apply(&browser).await;
        for page in site.pages() {
            let mut places = Vec::new();
            for blocked in [&["*.js*"][..], &[]] {
                browser.devtools("Network.setBlockedURLs", json!({"urls": blocked})).await;
                browser.open(&site.url(&page.path)).await;
                places.push(browser.run(PLACES).await.as_array().unwrap().clone());
            }
            let (before, after) = (&places[0], &places[1]);
            assert!(before.len() > 10, "{}: {before:?}", page.name);
            let differ = before.iter().filter(|place| !after.contains(place)).take(3);
            moved.extend(differ.map(|place| format!("{}, {look}: {place}", page.name)));
        }
    }
    assert!(moved.is_empty(), "{}", moved.join("\n"));
}

/// Rows that arrive after the first ones must not widen their columns.
#[tokio::test]
async fn a_page_that_arrives_slowly_does_not_move() {
    let Some(browser) = Chromium::start().await else { return };
    let site = Site::shared().await;
    site.sign_in(&browser).await;
    Look { width: 1920, theme: Theme::Light }.apply(&browser).await;
    // The style sheet and the scripts are in the cache of the browser.
    browser.open(&site.url("/ui")).await;
    browser.devtools("Network.enable", json!({})).await;
    let slow = json!({"offline": false, "latency": 0, "downloadThroughput": SLOW, "uploadThroughput": SLOW});
    browser.devtools("Network.emulateNetworkConditions", slow).await;
    for page in site.pages() {
        browser.open(&site.url(&page.path)).await;
        let found = audit(&browser).await;
        assert!(found.is_empty(), "{}: {found:#?}", page.name);
    }
}
