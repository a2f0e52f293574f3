//! Files that pages offer.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::time::sleep;

use crate::{chromium::Chromium, site::Site, wait::PATIENCE};

#[tokio::test]
async fn the_runs_of_a_filter_are_downloaded_as_a_file() {
    let Some(browser) = Chromium::start().await else { return };
    let site = Site::shared().await;
    site.sign_in(&browser).await;
    let folder = tempfile::tempdir().unwrap();
    let behaviour = json!({"behavior": "allow", "downloadPath": folder.path()});
    browser.devtools("Browser.setDownloadBehavior", behaviour).await;
    let address = site.url("/ui/runs?status=failed");
    browser.open(&address).await;
    browser.click("main a[href^='/ui/runs.csv']").await;
    let text = downloaded(&folder.path().join("flowruns-runs.csv")).await;
    assert_eq!(browser.location().await, address, "the page stays");
    assert!(text.starts_with("flowId,flow,runId,run,status,"), "{text}");
    assert!(text.contains(&site.demo.failed.run.to_string()), "{text}");
    assert!(!text.contains(&site.demo.warned.run.to_string()), "{text}");
}

/// The content of a file, which has its name when it is whole.
async fn downloaded(path: &Path) -> String {
    let begun = Instant::now();
    while !path.exists() {
        assert!(begun.elapsed() < PATIENCE, "{} was not downloaded", path.display());
        sleep(Duration::from_millis(20)).await;
    }
    fs::read_to_string(path).unwrap()
}
