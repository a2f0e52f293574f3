//! The overview of a tenant with more flows than are looked at.

use crate::harness::Site;

const STARTED: &str = "2026-11-27T19:00:00Z";

#[tokio::test]
async fn every_flow_with_a_run_in_progress_is_on_a_page() {
    let site = Site::new();
    for number in 0..210 {
        let flow = site.flow(&format!("Flow {number:03}")).await;
        site.run(flow, 1, (STARTED, None)).await;
    }
    let mut names = Vec::new();
    let mut next = Some("/ui.json?show=running&size=100".to_owned());
    while let Some(address) = next {
        let page = site.get(&address).await.json();
        for flow in page["flows"].as_array().expect("flows") {
            names.push(flow["name"].as_str().expect("a name").to_owned());
        }
        next = page["next"].as_str().map(str::to_owned);
    }
    let all: Vec<String> = (0..210).map(|number| format!("Flow {number:03}")).collect();
    assert_eq!(names, all);
}

#[tokio::test]
async fn a_page_says_that_not_all_runs_in_progress_were_counted() {
    let site = Site::new();
    let flow = site.flow("Rosters").await;
    let note = "only flows of the newest 1,000 such runs";
    for number in 1..=1000 {
        site.run(flow, number, (STARTED, None)).await;
    }
    assert!(!site.get("/ui?show=running").await.ok().contains(note));
    site.run(flow, 1001, (STARTED, None)).await;
    assert!(site.get("/ui?show=running").await.ok().contains(note));
    assert!(!site.get("/ui").await.ok().contains(note));
}
