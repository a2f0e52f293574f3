//! A history whose pages would be very large.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    scene::Scene,
    swarm::Swarm,
    turn,
    wire::{exchange, request},
};

/// How often the statistics are replaced.
const REPLACEMENTS: usize = 100;
/// Nearly as many as statistics may have.
const STATISTICS_BYTES: usize = 65_000;
const BATCH_ITEMS: usize = 20;
const LARGEST_PAGE: &str = "/history?$top=1000";

/// Statistics that differ from those before.
fn statistics(index: usize) -> Value {
    let letter = if index.is_multiple_of(2) { "x" } else { "y" };
    json!({"text": letter.repeat(STATISTICS_BYTES)})
}

/// The path of a run with a long history, and how many versions it has.
async fn much_changed_run(scene: &Scene) -> (String, usize) {
    let run = scene.new_run(&statistics(0)).await;
    let replacements = REPLACEMENTS * crate::scale();
    for index in 1..=replacements {
        let body = json!({"statistics": statistics(index)}).to_string();
        let (status, error) = scene.send("PATCH", &run, &body).await;
        assert_eq!(status, 200, "{error}");
    }
    (run, replacements + 1)
}

/// The versions that a page holds, and where the next page is.
fn page(body: &Value) -> (Vec<u64>, Option<String>) {
    let entries = body["value"].as_array().unwrap();
    let versions = entries
        .iter()
        .map(|entry| entry["version"].as_u64().unwrap());
    let next = body["@odata.nextLink"].as_str().map(path_of);
    (versions.collect(), next)
}

/// Of a URL of the server.
fn path_of(url: &str) -> String {
    let rest = url.split_once("://").unwrap().1;
    format!("/{}", rest.split_once('/').unwrap().1)
}

/// Reads the pages that follow, to the end.
async fn rest(scene: &Scene, mut next: Option<String>) -> Vec<u64> {
    let mut versions = Vec::new();
    while let Some(path) = next {
        let (status, body) = scene.send("GET", &path, "").await;
        assert_eq!(status, 200, "{body}");
        let (found, following) = page(&body);
        assert!(
            !found.is_empty() || following.is_none(),
            "a page makes progress"
        );
        versions.extend(found);
        next = following;
    }
    versions
}

/// A batch of as many pages of the history as it may have.
fn batch_of_pages(run: &str) -> String {
    let url = format!("{run}{LARGEST_PAGE}");
    let items =
        (0..BATCH_ITEMS).map(|id| json!({"id": id.to_string(), "method": "GET", "url": url}));
    json!({"requests": items.collect::<Vec<_>>()}).to_string()
}

/// Connections that send this request again and again.
fn readers(scene: &Scene, count: usize, request: Vec<u8>) -> Swarm {
    let (address, request) = (scene.server.address, Arc::new(request));
    Swarm::start(count, move |session| {
        let request = Arc::clone(&request);
        async move {
            session.is_established();
            let (status, _) = exchange(address, &request).await;
            assert!([0, 200, 413, 429, 503].contains(&status), "{status}");
        }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_history_is_read_in_pages_that_hold_every_entry_once() {
    let _turn = turn().await;
    let scene = Scene::start(&[]).await;
    let (run, versions) = much_changed_run(&scene).await;
    let expected: Vec<u64> = (1..=versions as u64).collect();
    assert_eq!(
        rest(&scene, Some(format!("{run}{LARGEST_PAGE}"))).await,
        expected
    );
    let attack = |scene: &Scene| {
        let path = format!("{run}{LARGEST_PAGE}");
        readers(
            scene,
            4 * crate::scale(),
            request("GET", &path, &scene.reader, ""),
        )
    };
    let measured = scene.under("pages of a large history", attack).await;
    measured.assert_harmless();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_of_large_histories_is_bounded_and_its_links_lead_to_every_entry() {
    let _turn = turn().await;
    let scene = Scene::start(&[]).await;
    let (run, versions) = much_changed_run(&scene).await;
    let expected: Vec<u64> = (1..=versions as u64).collect();
    let batch = batch_of_pages(&run);
    let (status, response) = scene.send("POST", "/$batch", &batch).await;
    assert_eq!(status, 200, "{response}");
    let responses = response["responses"].as_array().unwrap();
    assert_eq!(responses.len(), BATCH_ITEMS);
    let taken = responses.iter().filter(|item| item["status"] == 200);
    let taken: Vec<&Value> = taken.collect();
    assert!(!taken.is_empty(), "{response}");
    let (mut found, next) = page(&taken[0]["body"]);
    found.extend(rest(&scene, next).await);
    assert_eq!(found, expected);
    let attack = |scene: &Scene| {
        let request = request("POST", "/$batch", &scene.reader, &batch);
        readers(scene, 2 * crate::scale(), request)
    };
    let measured = scene.under("20 pages of a large history", attack).await;
    measured.assert_harmless();
}
