//! How long a page blocks a slow processor while it loads: printed, not asserted, since it depends on the machine.

use serde_json::json;

use crate::{audit::audit, chromium::Chromium, site::Site};

/// How many times slower than this machine.
const SLOWER: u32 = 4;

/// The longest task since the page began to load, in milliseconds; 0 if none took 50 ms. The audit has tasks of its own.
const LONGEST_TASK: &str = "
    const [say] = arguments;
    const longest = (list) => say(Math.max(0, ...list.map((entry) => entry.duration)));
    const observer = new PerformanceObserver((list) => longest(list.getEntries()));
    observer.observe({ type: 'longtask', buffered: true });
    // Without entries the observer is not called.
    setTimeout(() => longest(observer.takeRecords()), 200);";

#[tokio::test]
async fn pages_are_sound_on_a_slow_processor_and_their_longest_tasks_are_printed() {
    let Some(browser) = Chromium::start().await else { return };
    let site = Site::shared().await;
    site.sign_in(&browser).await;
    browser.devtools("Emulation.setCPUThrottlingRate", json!({"rate": SLOWER})).await;
    for page in site.pages() {
        browser.open(&site.url(&page.path)).await;
        let longest = browser.run_async(LONGEST_TASK, json!([])).await;
        let paint = browser
            .run("return performance.getEntriesByName('first-contentful-paint')[0]?.startTime")
            .await;
        println!("{}: longest task {longest} ms, first paint {paint} ms", page.name);
        let found = audit(&browser).await;
        assert!(found.is_empty(), "{}: {found:#?}", page.name);
    }
}
