//! The history on the page of a run, in parts.

use flowruns_testing::fixtures::counted;
use serde_json::Value;

use crate::{
    harness::Site,
    run::{address, patch},
};

/// The versions of the entries of a page.
fn versions(page: &Value) -> Vec<i64> {
    let entries = page["history"].as_array().expect("a history").iter();
    entries.map(|entry| entry["version"].as_i64().expect("a number")).collect()
}

/// The query of a link.
fn query_of(page: &str, label: &str) -> Option<String> {
    let before = page.split_once(&format!("\">{label}</a>"))?.0;
    Some(before.rsplit_once('?').expect("a query").1.replace("&amp;", "&"))
}

#[tokio::test]
async fn the_links_of_a_history_of_large_entries_lead_to_each_of_them_once() {
    let site = Site::new();
    let flow = site.flow("Rosters").await;
    let run = site.run(flow, 1, ("2026-11-27T02:00:00Z", None)).await;
    for text in ('a'..='z').map(|letter| letter.to_string().repeat(50 * 1024)) {
        let report = counted(&format!(r#"{{"text":"{text}"}}"#));
        patch(&site, run, "2026-11-27T02:01:00Z", report).await;
    }
    let all: Vec<i64> = (1..=27).collect();
    let newest = site.get(&address(run)).await.ok();
    let mut query = query_of(&newest, "From the beginning");
    let mut upwards = Vec::new();
    while let Some(part) = query {
        let page = site.get(&format!("{}.json?{part}", address(run))).await.json();
        upwards.extend(versions(&page));
        let page = site.get(&format!("{}?{part}", address(run))).await.ok();
        query = query_of(&page, "Newer entries");
        assert_eq!(page.contains(">Newest entries</a>"), query.is_some());
    }
    assert_eq!(upwards, all);
    let mut query = Some(String::new());
    let mut downwards = Vec::new();
    while let Some(part) = query {
        let page = site.get(&format!("{}.json?{part}", address(run))).await.json();
        downwards.extend(versions(&page).into_iter().rev());
        let page = site.get(&format!("{}?{part}", address(run))).await.ok();
        query = query_of(&page, "Older entries");
    }
    downwards.reverse();
    assert_eq!(downwards, all);
}
