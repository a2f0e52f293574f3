//! A history whose pages would be very large.

use std::sync::Arc;

use flowruns_testing::harness::{exchange, request};
use serde_json::{Value, json};

use crate::{attackers::Attackers, exclusive, fixture::Fixture};

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
async fn much_changed_run(fixture: &Fixture) -> (String, usize) {
    let run = fixture.new_run(&statistics(0)).await;
    let replacements = REPLACEMENTS * crate::scale();
    for index in 1..=replacements {
        let body = json!({"statistics": statistics(index)}).to_string();
        let (status, error) = fixture.send("PATCH", &run, &body).await;
        assert_eq!(status, 200, "{error}");
    }
    (run, replacements + 1)
}

/// The versions that a page holds, and where the next page is.
fn page(body: &Value) -> (Vec<u64>, Option<String>) {
    let entries = body["value"].as_array().unwrap();
    let versions = entries.iter().map(|entry| entry["version"].as_u64().unwrap());
    let next = body["@odata.nextLink"].as_str().map(path_of);
    (versions.collect(), next)
}

/// Of a URL of the server.
fn path_of(url: &str) -> String {
    let rest = url.split_once("://").unwrap().1;
    format!("/{}", rest.split_once('/').unwrap().1)
}

/// Reads the pages that follow, to the end.
async fn rest(fixture: &Fixture, mut next: Option<String>) -> Vec<u64> {
    let mut versions = Vec::new();
    while let Some(path) = next {
        let (status, body) = fixture.send("GET", &path, "").await;
        assert_eq!(status, 200, "{body}");
        let (found, following) = page(&body);
        assert!(!found.is_empty() || following.is_none(), "a page makes progress");
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
fn readers(fixture: &Fixture, count: usize, request: Vec<u8>) -> Attackers {
    let (address, request) = (fixture.server.process.address(), Arc::new(request));
    Attackers::start(count, move |session| {
        let request = Arc::clone(&request);
        async move {
            session.is_established();
            let exchange = exchange(address, &request, false).await;
            let status = exchange.map_or(0, |exchange| exchange.status());
            assert!([0, 200, 413, 429, 503].contains(&status), "{status}");
        }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_history_is_read_in_pages_that_hold_every_entry_once() {
    let _exclusive = exclusive().await;
    let fixture = Fixture::start(&[]).await;
    let (run, versions) = much_changed_run(&fixture).await;
    let expected: Vec<u64> = (1..=versions as u64).collect();
    assert_eq!(rest(&fixture, Some(format!("{run}{LARGEST_PAGE}"))).await, expected);
    let attack = |fixture: &Fixture| {
        let path = format!("{run}{LARGEST_PAGE}");
        readers(fixture, 4 * crate::scale(), request("GET", &path, &fixture.reader, ""))
    };
    let measured = fixture.under("pages of a large history", attack).await;
    measured.assert_harmless();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_of_large_histories_is_bounded_and_its_links_lead_to_every_entry() {
    let _exclusive = exclusive().await;
    let fixture = Fixture::start(&[]).await;
    let (run, versions) = much_changed_run(&fixture).await;
    let expected: Vec<u64> = (1..=versions as u64).collect();
    let batch = batch_of_pages(&run);
    let (status, response) = fixture.send("POST", "/$batch", &batch).await;
    assert_eq!(status, 200, "{response}");
    let responses = response["responses"].as_array().unwrap();
    assert_eq!(responses.len(), BATCH_ITEMS);
    let complete = responses.iter().filter(|item| item["status"] == 200);
    let complete: Vec<&Value> = complete.collect();
    assert!(!complete.is_empty(), "{response}");
    let (mut found, next) = page(&complete[0]["body"]);
    found.extend(rest(&fixture, next).await);
    assert_eq!(found, expected);
    let attack = |fixture: &Fixture| {
        let request = request("POST", "/$batch", &fixture.reader, &batch);
        readers(fixture, 2 * crate::scale(), request)
    };
    let measured = fixture.under("20 pages of a large history", attack).await;
    measured.assert_harmless();
}
