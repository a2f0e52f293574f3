//! Clients that do not read their responses, or read them one byte at a time.

use std::sync::Arc;

use axum::http::Request;
use serde_json::json;

use crate::{
    http2::Client,
    scene::Scene,
    slow_bodies::long_timeouts,
    swarm::Swarm,
    turn,
    wire::{head, read_slowly},
};

const RUNS: usize = 100;
/// Nearly as many as statistics may have.
const STATISTICS_BYTES: usize = 65_000;
const LARGE_PAGE: &str = "?$select=*&$top=100";
/// On one connection, so that their responses fill every buffer of the kernel, however long a page is.
const PIPELINED: usize = 12;
const BATCH_ITEMS: usize = 20;

/// A flow of the attacker whose page of runs is as large as can be.
async fn scene_with_large_page() -> Scene {
    let scene = Scene::start(&long_timeouts()).await;
    let statistics = json!({"text": "x".repeat(STATISTICS_BYTES)});
    // One after the other: the attack is what comes later.
    for _ in 0..RUNS {
        scene.new_run(&statistics).await;
    }
    scene
}

/// Connections that send the same request several times, and read so many bytes of the responses now and then.
fn slow_readers(scene: &Scene, count: usize, request: &str, bytes_per_tick: usize) -> Swarm {
    let address = scene.server.address;
    let requests = Arc::new(request.repeat(PIPELINED).into_bytes());
    Swarm::start(count, move |session| {
        let requests = Arc::clone(&requests);
        async move { read_slowly(address, &requests, bytes_per_tick, &session).await }
    })
}

fn page(scene: &Scene) -> String {
    head(
        "GET",
        &format!("{}{LARGE_PAGE}", scene.runs),
        &scene.reader,
        "",
    )
}

/// A batch of as many large pages as it may have.
fn batch_of_pages(scene: &Scene) -> String {
    let url = format!("{}{LARGE_PAGE}", scene.runs);
    let items =
        (0..BATCH_ITEMS).map(|id| json!({"id": id.to_string(), "method": "GET", "url": url}));
    let body = json!({"requests": items.collect::<Vec<_>>()}).to_string();
    let length = format!("Content-Length: {}\r\n", body.len());
    head("POST", "/$batch", &scene.reader, &length) + &body
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_do_not_read_large_pages_are_ended_and_refuse_nobody() {
    let _turn = turn().await;
    let scene = scene_with_large_page().await;
    let unread = |scene: &Scene| slow_readers(scene, 24 * crate::scale(), &page(scene), 0);
    let measured = scene.under("unread pages", unread).await;
    measured.assert_harmless();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_read_a_byte_now_and_then_are_ended_and_refuse_nobody() {
    let _turn = turn().await;
    let scene = scene_with_large_page().await;
    let slow = |scene: &Scene| slow_readers(scene, 24 * crate::scale(), &page(scene), 1);
    let measured = scene.under("pages read by bytes", slow).await;
    measured.assert_harmless();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_do_not_read_batches_of_large_pages_are_ended_and_refuse_nobody() {
    let _turn = turn().await;
    let scene = scene_with_large_page().await;
    let unread = |scene: &Scene| slow_readers(scene, 2 * crate::scale(), &batch_of_pages(scene), 0);
    let measured = scene.under("unread batches of 20 pages", unread).await;
    measured.assert_harmless();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_without_a_window_are_ended_and_refuse_nobody() {
    const STREAMS: usize = 100;
    let _turn = turn().await;
    let scene = scene_with_large_page().await;
    let unread = |scene: &Scene| {
        let (address, bearer) = (scene.server.address, format!("Bearer {}", scene.reader));
        let url = format!("http://attack{}{LARGE_PAGE}", scene.runs);
        Swarm::start(2 * crate::scale(), move |session| {
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
    let measured = scene.under("100 streams without a window", unread).await;
    measured.assert_harmless();
}
