//! Clients that do not read their responses, or read them one byte at a time.

use std::sync::Arc;

use axum::http::Request;
use flowruns_testing::harness::request_head;
use serde_json::json;

use crate::{
    attackers::Attackers, exclusive, fixture::Fixture, http2::Client, slow_bodies::long_timeouts,
    slow_client::read_slowly,
};

const RUNS: usize = 100;
/// Nearly as many as statistics may have.
const STATISTICS_BYTES: usize = 65_000;
const LARGE_PAGE: &str = "?$select=*&$top=100";
/// Requests on one connection: enough that their responses fill every buffer of the kernel, whatever the length of a page.
const PIPELINED: usize = 12;
const BATCH_ITEMS: usize = 20;

/// A flow of the attacker whose page of runs is as large as can be.
async fn fixture_with_large_page() -> Fixture {
    let fixture = Fixture::start(&long_timeouts()).await;
    let statistics = json!({"text": "x".repeat(STATISTICS_BYTES)});
    // One after the other: the attack is what comes later.
    for _ in 0..RUNS {
        fixture.new_run(&statistics).await;
    }
    fixture
}

/// Connections that send the same request several times, and read a few bytes of the responses at intervals.
fn slow_readers(
    fixture: &Fixture,
    count: usize,
    request: &str,
    bytes_per_tick: usize,
) -> Attackers {
    let address = fixture.server.process.address();
    let requests = Arc::new(request.repeat(PIPELINED).into_bytes());
    Attackers::start(count, move |session| {
        let requests = Arc::clone(&requests);
        async move { read_slowly(address, &requests, bytes_per_tick, &session).await }
    })
}

fn page(fixture: &Fixture) -> String {
    request_head("GET", &format!("{}{LARGE_PAGE}", fixture.runs), &fixture.reader, "")
}

/// A batch of as many large pages as it may have.
fn batch_of_pages(fixture: &Fixture) -> String {
    let url = format!("{}{LARGE_PAGE}", fixture.runs);
    let items =
        (0..BATCH_ITEMS).map(|id| json!({"id": id.to_string(), "method": "GET", "url": url}));
    let body = json!({"requests": items.collect::<Vec<_>>()}).to_string();
    let length = format!("Content-Length: {}\r\n", body.len());
    request_head("POST", "/$batch", &fixture.reader, &length) + &body
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_do_not_read_large_pages_are_ended_and_cause_no_rejection() {
    let _exclusive = exclusive().await;
    let fixture = fixture_with_large_page().await;
    let unread = |fixture: &Fixture| slow_readers(fixture, 24 * crate::scale(), &page(fixture), 0);
    let measured = fixture.under("unread pages", unread).await;
    measured.assert_harmless();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_read_a_byte_now_and_then_are_ended_and_cause_no_rejection() {
    let _exclusive = exclusive().await;
    let fixture = fixture_with_large_page().await;
    let slow = |fixture: &Fixture| slow_readers(fixture, 24 * crate::scale(), &page(fixture), 1);
    let measured = fixture.under("pages read by bytes", slow).await;
    measured.assert_harmless();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_do_not_read_batches_of_large_pages_are_ended_and_cause_no_rejection() {
    let _exclusive = exclusive().await;
    let fixture = fixture_with_large_page().await;
    let unread =
        |fixture: &Fixture| slow_readers(fixture, 2 * crate::scale(), &batch_of_pages(fixture), 0);
    let measured = fixture.under("unread batches of 20 pages", unread).await;
    measured.assert_harmless();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_without_a_window_are_ended_and_cause_no_rejection() {
    const STREAMS: usize = 100;
    let _exclusive = exclusive().await;
    let fixture = fixture_with_large_page().await;
    let unread = |fixture: &Fixture| {
        let (address, bearer) =
            (fixture.server.process.address(), format!("Bearer {}", fixture.reader));
        let url = format!("http://attack{}{LARGE_PAGE}", fixture.runs);
        Attackers::start(2 * crate::scale(), move |session| {
            let (bearer, url) = (bearer.clone(), url.clone());
            async move {
                let Some(mut client) = Client::connect(address, Some(0)).await else {
                    return;
                };
                for _ in 0..STREAMS {
                    let head = Request::get(&url).header("authorization", &bearer);
                    client.open(head, Vec::new()).await;
                }
                session.is_established();
                client.read_nothing().await;
            }
        })
    };
    let measured = fixture.under("100 streams without a window", unread).await;
    measured.assert_harmless();
}
