//! How long a page blocks a slow processor while it loads: printed, not asserted, since it depends on the machine.

use serde_json::json;

use crate::{audit::audit, chromium::Chromium, site::Site};

/// How many times slower than this machine.
const SLOWER: u32 = 4;

#[tokio::test]
async fn pages_are_sound_on_a_slow_processor_and_their_longest_tasks_are_printed() {
    let Some(browser) = Chromium::start().await else { return };
    let site = Site::shared().await;
    site.sign_in(&browser).await;
    browser.devtools("Emulation.setCPUThrottlingRate", json!({"rate": SLOWER})).await;
    for page in site.pages() {
        browser.open(&site.url(&page.path)).await;
        let audited = audit(&browser).await;
        let paint = browser
            .run("return performance.getEntriesByName('first-contentful-paint')[0]?.startTime")
            .await;
        println!("{}: longest task {} ms, first paint {paint} ms", page.name, audited.longest_task);
        assert!(audited.found.is_empty(), "{}: {:#?}", page.name, audited.found);
    }
}
