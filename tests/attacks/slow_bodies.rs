//! Clients that announce a long body and send it one byte at a time.

use axum::http::Request;

use crate::{
    http2::Client,
    scene::Scene,
    server::Setting,
    swarm::Swarm,
    turn,
    wire::{head, send_slowly},
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

/// Connections of HTTP/1 that send this, and then a byte now and then.
fn slow_senders(scene: &Scene, count: usize, beginning: String) -> Swarm {
    let (address, beginning) = (scene.server.address, beginning.into_bytes());
    let beginning = std::sync::Arc::new(beginning);
    Swarm::start(count, move |session| {
        let beginning = std::sync::Arc::clone(&beginning);
        async move { send_slowly(address, &beginning, &session).await }
    })
}

fn announced(length: usize) -> String {
    format!("Content-Length: {length}\r\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_few_slow_batches_of_a_reader_are_ended_and_refuse_nobody() {
    let _turn = turn().await;
    let scene = Scene::start(&long_timeouts()).await;
    let slow = |scene: &Scene| {
        let head = head("POST", "/$batch", &scene.reader, &announced(BATCH_BYTES));
        slow_senders(scene, 5 * crate::scale(), head + "{")
    };
    let measured = scene.under("slow batches, HTTP/1", slow).await;
    measured.assert_harmless();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_few_slow_streams_of_one_connection_are_ended_and_refuse_nobody() {
    const STREAMS: usize = 5;
    let _turn = turn().await;
    let scene = Scene::start(&long_timeouts()).await;
    let slow = |scene: &Scene| {
        let (address, bearer) = (scene.server.address, format!("Bearer {}", scene.reader));
        Swarm::start(crate::scale(), move |session| {
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
    let measured = scene.under("slow batches, 5 streams of HTTP/2", slow).await;
    measured.assert_harmless();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_slow_reports_are_ended_and_refuse_nobody() {
    let _turn = turn().await;
    let scene = Scene::start(&long_timeouts()).await;
    let slow = |scene: &Scene| {
        let head = head("PATCH", &scene.run, &scene.writer, &announced(BODY_BYTES));
        slow_senders(scene, 128 * crate::scale(), head + "{")
    };
    let measured = scene.under("slow reports of 1 MiB", slow).await;
    measured.assert_harmless();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_slow_reports_in_chunks_are_ended_and_refuse_nobody() {
    let _turn = turn().await;
    let scene = Scene::start(&long_timeouts()).await;
    let slow = |scene: &Scene| {
        let head = head(
            "PATCH",
            &scene.run,
            &scene.writer,
            "Transfer-Encoding: chunked\r\n",
        );
        // One long chunk, which never ends.
        slow_senders(scene, 128 * crate::scale(), head + "80000\r\n{")
    };
    let measured = scene.under("slow reports in chunks", slow).await;
    measured.assert_harmless();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_bodies_with_forged_tokens_refuse_nobody() {
    let _turn = turn().await;
    let scene = Scene::start(&long_timeouts()).await;
    let slow = |scene: &Scene| {
        let forged = format!("{}x", scene.writer);
        let head = head("PATCH", &scene.run, &forged, &announced(BODY_BYTES));
        slow_senders(scene, 128 * crate::scale(), head + "{")
    };
    let measured = scene.under("slow bodies, forged tokens", slow).await;
    measured.assert_harmless();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_sent_bodies_are_held_within_the_bound() {
    const HALF: usize = BODY_BYTES / 2;
    let _turn = turn().await;
    let scene = Scene::start(&long_timeouts()).await;
    let slow = |scene: &Scene| {
        let head = head("PATCH", &scene.run, &scene.writer, &announced(BODY_BYTES));
        let half = format!("{head}{{\"@note\":\"{}", "x".repeat(HALF));
        slow_senders(scene, 256 * crate::scale(), half)
    };
    let measured = scene
        .under("half of a report of 1 MiB, then slow", slow)
        .await;
    measured.assert_harmless();
}
