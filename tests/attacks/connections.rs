//! Connections that are held, or opened too often, without a request that costs anything.

use std::{net::SocketAddr, sync::Arc};

use axum::http::Request;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    http2::Client,
    scene::Scene,
    server::Setting,
    slow_bodies::long_timeouts,
    swarm::{Session, Swarm},
    turn,
    wire::{exchange, head, request, send_slowly},
};

const KIB: usize = 1024;
/// Requests beside an attack that evicts connections all the time, in percent.
const FEW: usize = 5;
const LIVEZ: &[u8] = b"GET /livez HTTP/1.1\r\nHost: attack\r\n\r\n";

fn setting(name: &'static str, value: usize) -> Setting {
    (name, value.to_string())
}

/// Sends a request, reads its response, sends this, and waits until the server closes the connection or the attack ends.
async fn ask_and_stay(address: SocketAddr, request: &[u8], then: &[u8], session: &Session) {
    let Ok(mut stream) = TcpStream::connect(address).await else {
        return;
    };
    let mut buffer = vec![0; 4096];
    let is_answered = stream.write_all(request).await.is_ok()
        && stream.read(&mut buffer).await.is_ok_and(|read| read > 0)
        && stream.write_all(then).await.is_ok();
    if !is_answered {
        return;
    }
    session.is_established();
    let until_closed = async { while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {} };
    tokio::select! {
        () = until_closed => {}
        () = session.until_over() => {}
    }
}

fn idle_connections(scene: &Scene, count: usize, asked: Vec<u8>, then: &'static [u8]) -> Swarm {
    let (address, asked) = (scene.server.address, Arc::new(asked));
    Swarm::start(count, move |session| {
        let asked = Arc::clone(&asked);
        async move { ask_and_stay(address, &asked, then, &session).await }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_begin_a_next_request_and_stop_make_room_for_new_ones() {
    const MAX: usize = 64;
    const CLIENTS: usize = 80;
    let _turn = turn().await;
    let settings = [
        setting("FLOWRUNS_HTTP__MAX_CONNECTIONS", MAX),
        // Only eviction makes room.
        setting("FLOWRUNS_HTTP__HEADER_TIMEOUT_MS", 600_000),
        setting("FLOWRUNS_HTTP__IDLE_TIMEOUT_MS", 600_000),
    ];
    let scene = Scene::start(&settings).await;
    let attack = |scene: &Scene| idle_connections(scene, CLIENTS, LIVEZ.to_vec(), b"G");
    let measured = scene.under("one byte of a next request", attack).await;
    // The attack goes on opening connections, and each of them may take the place of one that has not sent yet.
    measured.assert_bounded(FEW);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_idle_connections_of_authenticated_clients_stay_within_the_bound() {
    let _turn = turn().await;
    let scene = Scene::start(&[]).await;
    let attack = |scene: &Scene| {
        let asked = head("GET", &scene.run, &scene.reader, "").into_bytes();
        idle_connections(scene, 1_000, asked, b"")
    };
    let measured = scene
        .under("idle after an authenticated read", attack)
        .await;
    measured.assert_harmless();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_long_heads_without_an_end_stay_within_the_bound() {
    let _turn = turn().await;
    let scene = Scene::start(&[]).await;
    let attack = |scene: &Scene| {
        let address = scene.server.address;
        let line = format!("x-pad: {}\r\n", "x".repeat(KIB));
        let head = format!(
            "GET /livez HTTP/1.1\r\nHost: attack\r\n{}x: ",
            line.repeat(59)
        );
        let head = Arc::new(head.into_bytes());
        Swarm::start(1_000, move |session| {
            let head = Arc::clone(&head);
            async move { send_slowly(address, &head, &session).await }
        })
    };
    let measured = scene
        .under("1,000 heads of 60 KiB without an end", attack)
        .await;
    measured.assert_harmless();
}

/// Connections of HTTP/2, each with many streams that send the beginning of a body, and then a byte now and then.
fn streams(scene: &Scene, count: usize, path: String, token: &str, beginning: usize) -> Swarm {
    const STREAMS: usize = 100;
    let (address, bearer) = (scene.server.address, format!("Bearer {token}"));
    Swarm::start(count, move |session| {
        let (bearer, url) = (bearer.clone(), format!("http://attack{path}"));
        async move {
            let Some(mut client) = Client::connect(address, None).await else {
                return;
            };
            for _ in 0..STREAMS {
                let head = Request::patch(&url)
                    .header("authorization", &bearer)
                    .header("content-type", "application/json");
                client.open(head, vec![b' '; beginning]).await;
            }
            session.is_established();
            client.send_slowly().await;
        }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_streams_with_half_a_body_stay_within_the_bound() {
    let _turn = turn().await;
    let scene = Scene::start(&long_timeouts()).await;
    let attack = |scene: &Scene| {
        let connections = 30 * crate::scale();
        streams(
            scene,
            connections,
            scene.run.clone(),
            &scene.writer,
            60 * KIB,
        )
    };
    let measured = scene
        .under("100 streams with half a body each", attack)
        .await;
    measured.assert_harmless();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_streams_with_forged_tokens_stay_within_the_bound() {
    let _turn = turn().await;
    let scene = Scene::start(&long_timeouts()).await;
    let attack = |scene: &Scene| {
        let forged = format!("{}x", scene.writer);
        let connections = 10 * crate::scale();
        streams(scene, connections, scene.run.clone(), &forged, 60 * KIB)
    };
    let measured = scene
        .under("100 streams with forged tokens each", attack)
        .await;
    measured.assert_harmless();
}

/// Connections that send a whole request as often as they can.
fn flood(scene: &Scene, count: usize, request: Vec<u8>) -> Swarm {
    let (address, request) = (scene.server.address, Arc::new(request));
    Swarm::start(count, move |session| {
        let request = Arc::clone(&request);
        async move {
            session.is_established();
            let _refused = exchange(address, &request).await;
        }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_with_forged_tokens_and_long_bodies_refuses_nobody() {
    let _turn = turn().await;
    let scene = Scene::start(&[]).await;
    let attack = |scene: &Scene| {
        let forged = format!("{}x", scene.writer);
        let request = request("PATCH", &scene.run, &forged, &" ".repeat(1024 * KIB));
        flood(scene, 32 * crate::scale(), request)
    };
    let measured = scene.under("forged tokens, bodies of 1 MiB", attack).await;
    measured.assert_harmless();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_beyond_the_rate_limit_refuses_nobody_else() {
    let _turn = turn().await;
    // Enough for each of the others.
    let settings = [
        setting("FLOWRUNS_LIMITS__REQUESTS_PER_SECOND", 50),
        setting("FLOWRUNS_LIMITS__BURST", 200 * crate::scale()),
    ];
    let scene = Scene::start(&settings).await;
    let attack = |scene: &Scene| {
        let request = request("GET", &scene.run, &scene.reader, "");
        flood(scene, 32 * crate::scale(), request)
    };
    let measured = scene.under("more reads than the rate limit", attack).await;
    measured.assert_harmless();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_with_more_requests_than_may_be_in_flight_refuses_nobody_else() {
    let _turn = turn().await;
    let settings = [setting("FLOWRUNS_LIMITS__REQUESTS", 64)];
    let scene = Scene::start(&settings).await;
    let attack = |scene: &Scene| {
        let request = request("GET", &scene.runs, &scene.reader, "");
        flood(scene, 128 * crate::scale(), request)
    };
    let measured = scene.under("128 lists at once, 64 in flight", attack).await;
    measured.assert_harmless();
}
