//! Connections that are held, or opened too often, without a request that costs anything.

use std::{net::SocketAddr, sync::Arc};

use axum::http::Request;
use flowruns_testing::harness::{exchange, request, request_head};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    attackers::{AttackConnection, Attackers},
    exclusive,
    fixture::Fixture,
    http2::Client,
    server::Setting,
    slow_bodies::long_timeouts,
    slow_client::send_slowly,
};

const KIB: usize = 1024;
/// Requests beside an attack that evicts connections all the time, in percent.
const FEW: usize = 5;
const LIVEZ: &[u8] = b"GET /livez HTTP/1.1\r\nHost: attack\r\n\r\n";

fn setting(name: &'static str, value: usize) -> Setting {
    (name, value.to_string())
}

/// Sends a request, reads its response, sends this, and waits until the server closes the connection or the attack ends.
async fn request_and_hold(
    address: SocketAddr,
    request: &[u8],
    then: &[u8],
    session: &AttackConnection,
) {
    let Ok(mut stream) = TcpStream::connect(address).await else {
        return;
    };
    let mut buffer = vec![0; 4096];
    let has_response = stream.write_all(request).await.is_ok()
        && stream.read(&mut buffer).await.is_ok_and(|read| read > 0)
        && stream.write_all(then).await.is_ok();
    if !has_response {
        return;
    }
    session.is_established();
    let until_closed = async { while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {} };
    tokio::select! {
        () = until_closed => {}
        () = session.until_over() => {}
    }
}

fn idle_connections(
    fixture: &Fixture,
    count: usize,
    asked: Vec<u8>,
    then: &'static [u8],
) -> Attackers {
    let (address, asked) = (fixture.server.process.address(), Arc::new(asked));
    Attackers::start(count, move |session| {
        let asked = Arc::clone(&asked);
        async move { request_and_hold(address, &asked, then, &session).await }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_begin_another_request_and_stop_are_closed_for_new_connections() {
    const MAX: usize = 64;
    const CLIENTS: usize = 80;
    let _exclusive = exclusive().await;
    let settings = [
        setting("FLOWRUNS_HTTP__MAX_CONNECTIONS", MAX),
        // Only eviction frees a connection.
        setting("FLOWRUNS_HTTP__HEADER_TIMEOUT_MS", 600_000),
        setting("FLOWRUNS_HTTP__IDLE_TIMEOUT_MS", 600_000),
    ];
    let fixture = Fixture::start(&settings).await;
    let attack = |fixture: &Fixture| idle_connections(fixture, CLIENTS, LIVEZ.to_vec(), b"G");
    let measured = fixture.under("one byte of a next request", attack).await;
    // The attack goes on opening connections, and each of them may evict one that has not sent yet.
    measured.assert_bounded(FEW);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_idle_connections_of_authenticated_clients_stay_within_the_bound() {
    let _exclusive = exclusive().await;
    let fixture = Fixture::start(&[]).await;
    let attack = |fixture: &Fixture| {
        let asked = request_head("GET", &fixture.run, &fixture.reader, "").into_bytes();
        idle_connections(fixture, 1_000, asked, b"")
    };
    let measured = fixture.under("idle after an authenticated read", attack).await;
    measured.assert_harmless();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_long_heads_without_an_end_stay_within_the_bound() {
    let _exclusive = exclusive().await;
    let fixture = Fixture::start(&[]).await;
    let attack = |fixture: &Fixture| {
        let address = fixture.server.process.address();
        let line = format!("x-pad: {}\r\n", "x".repeat(KIB));
        let head = format!("GET /livez HTTP/1.1\r\nHost: attack\r\n{}x: ", line.repeat(59));
        let head = Arc::new(head.into_bytes());
        Attackers::start(1_000, move |session| {
            let head = Arc::clone(&head);
            async move { send_slowly(address, &head, &session).await }
        })
    };
    let measured = fixture.under("1,000 heads of 60 KiB without an end", attack).await;
    measured.assert_harmless();
}

/// Connections of HTTP/2, each with many streams that send the beginning of a body, and then single bytes at intervals.
fn streams(
    fixture: &Fixture,
    count: usize,
    path: String,
    token: &str,
    beginning: usize,
) -> Attackers {
    const STREAMS: usize = 100;
    let (address, bearer) = (fixture.server.process.address(), format!("Bearer {token}"));
    Attackers::start(count, move |session| {
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
    let _exclusive = exclusive().await;
    let fixture = Fixture::start(&long_timeouts()).await;
    let attack = |fixture: &Fixture| {
        let connections = 30 * crate::scale();
        streams(fixture, connections, fixture.run.clone(), &fixture.writer, 60 * KIB)
    };
    let measured = fixture.under("100 streams with half a body each", attack).await;
    measured.assert_harmless();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_streams_with_forged_tokens_stay_within_the_bound() {
    let _exclusive = exclusive().await;
    let fixture = Fixture::start(&long_timeouts()).await;
    let attack = |fixture: &Fixture| {
        let forged = format!("{}x", fixture.writer);
        let connections = 10 * crate::scale();
        streams(fixture, connections, fixture.run.clone(), &forged, 60 * KIB)
    };
    let measured = fixture.under("100 streams with forged tokens each", attack).await;
    measured.assert_harmless();
}

/// Connections that send a whole request as often as they can.
fn flood(fixture: &Fixture, count: usize, request: Vec<u8>) -> Attackers {
    let (address, request) = (fixture.server.process.address(), Arc::new(request));
    Attackers::start(count, move |session| {
        let request = Arc::clone(&request);
        async move {
            session.is_established();
            let _rejected = exchange(address, &request, false).await;
        }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_with_forged_tokens_and_long_bodies_causes_no_rejection() {
    let _exclusive = exclusive().await;
    let fixture = Fixture::start(&[]).await;
    let attack = |fixture: &Fixture| {
        let forged = format!("{}x", fixture.writer);
        let request = request("PATCH", &fixture.run, &forged, &" ".repeat(1024 * KIB));
        flood(fixture, 32 * crate::scale(), request)
    };
    let measured = fixture.under("forged tokens, bodies of 1 MiB", attack).await;
    measured.assert_harmless();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_beyond_the_rate_limit_causes_no_rejection_of_others() {
    let _exclusive = exclusive().await;
    // Enough for each of the others.
    let settings = [
        setting("FLOWRUNS_LIMITS__REQUESTS_PER_SECOND", 50),
        setting("FLOWRUNS_LIMITS__BURST", 200 * crate::scale()),
    ];
    let fixture = Fixture::start(&settings).await;
    let attack = |fixture: &Fixture| {
        let request = request("GET", &fixture.run, &fixture.reader, "");
        flood(fixture, 32 * crate::scale(), request)
    };
    let measured = fixture.under("more reads than the rate limit", attack).await;
    measured.assert_harmless();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_with_more_requests_than_may_be_in_flight_causes_no_rejection_of_others() {
    let _exclusive = exclusive().await;
    let settings = [setting("FLOWRUNS_LIMITS__REQUESTS", 64)];
    let fixture = Fixture::start(&settings).await;
    let attack = |fixture: &Fixture| {
        let request = request("GET", &fixture.runs, &fixture.reader, "");
        flood(fixture, 128 * crate::scale(), request)
    };
    let measured = fixture.under("128 lists at once, 64 in flight", attack).await;
    measured.assert_harmless();
}
