//! Clients that announce a long body and send it one byte at a time.

use axum::http::Request;
use flowruns_testing::harness::request_head;

use crate::{
    attackers::Attackers, exclusive, fixture::Fixture, http2::Client, server::Setting,
    slow_client::send_slowly,
};

/// The longest body of a batch with the default settings.
const BATCH_BYTES: usize = 21_299_200;
/// The longest of any other body.
const BODY_BYTES: usize = 1024 * 1024;

/// Long enough that only the rule of the minimum rate ends a slow client in time.
pub(crate) fn long_timeouts() -> [Setting; 2] {
    [
        ("FLOWRUNS_HTTP__REQUEST_TIMEOUT_MS", "600000".to_owned()),
        ("FLOWRUNS_HTTP__WRITE_TIMEOUT_MS", "600000".to_owned()),
    ]
}

/// Connections of HTTP/1 that send this, and then single bytes at intervals.
fn slow_senders(fixture: &Fixture, count: usize, beginning: String) -> Attackers {
    let (address, beginning) = (fixture.server.process.address(), beginning.into_bytes());
    let beginning = std::sync::Arc::new(beginning);
    Attackers::start(count, move |session| {
        let beginning = std::sync::Arc::clone(&beginning);
        async move { send_slowly(address, &beginning, &session).await }
    })
}

fn announced(length: usize) -> String {
    format!("Content-Length: {length}\r\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_few_slow_batches_of_a_reader_are_ended_and_cause_no_rejection() {
    let _exclusive = exclusive().await;
    let fixture = Fixture::start(&long_timeouts()).await;
    let slow = |fixture: &Fixture| {
        let head = request_head("POST", "/$batch", &fixture.reader, &announced(BATCH_BYTES));
        slow_senders(fixture, 5 * crate::scale(), head + "{")
    };
    let measured = fixture.under("slow batches, HTTP/1", slow).await;
    measured.assert_harmless();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_few_slow_streams_of_one_connection_are_ended_and_cause_no_rejection() {
    const STREAMS: usize = 5;
    let _exclusive = exclusive().await;
    let fixture = Fixture::start(&long_timeouts()).await;
    let slow = |fixture: &Fixture| {
        let (address, bearer) =
            (fixture.server.process.address(), format!("Bearer {}", fixture.reader));
        Attackers::start(crate::scale(), move |session| {
            let bearer = bearer.clone();
            async move {
                let Some(mut client) = Client::connect(address, None).await else {
                    return;
                };
                for _ in 0..STREAMS {
                    let head = Request::post("http://attack/$batch")
                        .header("authorization", &bearer)
                        .header("content-type", "application/json")
                        .header("content-length", BATCH_BYTES);
                    client.open(head, b"{".to_vec()).await;
                }
                session.is_established();
                client.send_slowly().await;
            }
        })
    };
    let measured = fixture.under("slow batches, 5 streams of HTTP/2", slow).await;
    measured.assert_harmless();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_slow_reports_are_ended_and_cause_no_rejection() {
    let _exclusive = exclusive().await;
    let fixture = Fixture::start(&long_timeouts()).await;
    let slow = |fixture: &Fixture| {
        let head = request_head("PATCH", &fixture.run, &fixture.writer, &announced(BODY_BYTES));
        slow_senders(fixture, 128 * crate::scale(), head + "{")
    };
    let measured = fixture.under("slow reports of 1 MiB", slow).await;
    measured.assert_harmless();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_slow_reports_in_chunks_are_ended_and_cause_no_rejection() {
    let _exclusive = exclusive().await;
    let fixture = Fixture::start(&long_timeouts()).await;
    let slow = |fixture: &Fixture| {
        let head =
            request_head("PATCH", &fixture.run, &fixture.writer, "Transfer-Encoding: chunked\r\n");
        // One long chunk, which never ends.
        slow_senders(fixture, 128 * crate::scale(), head + "80000\r\n{")
    };
    let measured = fixture.under("slow reports in chunks", slow).await;
    measured.assert_harmless();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_bodies_with_forged_tokens_cause_no_rejection() {
    let _exclusive = exclusive().await;
    let fixture = Fixture::start(&long_timeouts()).await;
    let slow = |fixture: &Fixture| {
        let forged = format!("{}x", fixture.writer);
        let head = request_head("PATCH", &fixture.run, &forged, &announced(BODY_BYTES));
        slow_senders(fixture, 128 * crate::scale(), head + "{")
    };
    let measured = fixture.under("slow bodies, forged tokens", slow).await;
    measured.assert_harmless();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_sent_bodies_are_held_within_the_bound() {
    const HALF: usize = BODY_BYTES / 2;
    let _exclusive = exclusive().await;
    let fixture = Fixture::start(&long_timeouts()).await;
    let slow = |fixture: &Fixture| {
        let head = request_head("PATCH", &fixture.run, &fixture.writer, &announced(BODY_BYTES));
        let half = format!("{head}{{\"@note\":\"{}", "x".repeat(HALF));
        slow_senders(fixture, 256 * crate::scale(), half)
    };
    let measured = fixture.under("half of a report of 1 MiB, then slow", slow).await;
    measured.assert_harmless();
}
