//! The memory that clients without a token can make the server hold.

use futures_util::future::join_all;
use tokio::time::timeout;

use crate::{
    client::{Client, TEST_TIMEOUT, get},
    flood::raise_limit,
    frames::{Connection, END_HEADERS, END_STREAM, Frame, HEADERS, PREFACE, SETTINGS, head},
    server::Server,
};

const CONNECTIONS: usize = 1_000;
/// Streams on each connection.
const STREAMS: u32 = 100;
const CONNECTIONS_WITH_STREAMS: usize = 200;
/// How much the memory of the server may grow.
const GROWTH_BYTES: usize = 64 * 1024 * 1024;
/// No timeout closes anything here.
const SETTINGS_WITHOUT_TIMEOUTS: [(&str, &str); 6] = [
    ("FIRST_BYTE_TIMEOUT_MS", "600000"),
    ("HEADER_TIMEOUT_MS", "600000"),
    ("WRITE_TIMEOUT_MS", "600000"),
    ("IDLE_TIMEOUT_MS", "600000"),
    ("REQUEST_TIMEOUT_MS", "600000"),
    ("MIN_BYTES_PER_SECOND", "0"),
];

/// The growth of the largest memory so far, after the server has responded to other clients and so has read what was sent.
async fn peak_growth(server: &Server, before: usize) -> usize {
    for _ in 0..20 {
        assert_eq!(server.send(&get("/livez")).await.status, 200);
    }
    server.peak_bytes().saturating_sub(before)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_incomplete_heads_stay_within_the_memory_budget() {
    raise_limit();
    let server = Server::start(&SETTINGS_WITHOUT_TIMEOUTS);
    let before = server.peak_bytes();
    let head = format!("GET / HTTP/1.1\r\nHost: flowruns\r\nX: {}", "x".repeat(60_000));
    let clients = (0..CONNECTIONS).map(|_| Client::that_sent(&server, &head));
    let clients = join_all(clients).await;
    let growth = peak_growth(&server, before).await;
    assert!(growth < GROWTH_BYTES, "{} MiB", growth >> 20);
    drop(clients);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn responses_on_twenty_thousand_closed_windows_stay_within_the_memory_budget() {
    raise_limit();
    let server = Server::start(&SETTINGS_WITHOUT_TIMEOUTS);
    let before = server.peak_bytes();
    // A window of one byte: the response is given to the stream, which cannot send it.
    let settings = Frame::new(SETTINGS, 0, 0, [0, 4, 0, 0, 0, 1]).to_bytes();
    let block = head("GET", "/industryData/incomingFlows", &[]);
    let requests = (0..STREAMS).flat_map(|stream| {
        Frame::new(HEADERS, END_HEADERS | END_STREAM, 2 * stream + 1, block.as_slice()).to_bytes()
    });
    let all: Vec<u8> = PREFACE.iter().copied().chain(settings).chain(requests).collect();
    let opening = (0..CONNECTIONS_WITH_STREAMS).map(|_| async {
        let mut connection = Connection::silent(&server).await;
        connection.send(&all).await;
        // The first response, or the end of a connection that held too much.
        let _frame = connection.frame().await;
        connection
    });
    let connections = timeout(TEST_TIMEOUT, join_all(opening)).await.unwrap();
    let growth = peak_growth(&server, before).await;
    assert!(growth < GROWTH_BYTES, "{} MiB", growth >> 20);
    drop(connections);
}
