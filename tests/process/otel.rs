//! Traces, as a collector gets them.

use axum::{Router, body::Bytes, routing::post};
use rustix::process::Signal;
use tokio::{net::TcpListener, sync::mpsc};

use crate::{
    program::data_folder,
    server::{Server, at},
};

/// Of the trace that the client begins.
const TRACE: u128 = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736;
const PARENT: u64 = 0x00f0_67aa_0ba9_02b7;

/// A collector of OTLP over HTTP; what is sent to it comes out.
async fn collector() -> (String, mpsc::UnboundedReceiver<Bytes>) {
    let (sender, received) = mpsc::unbounded_channel();
    let take = move |body: Bytes| async move { sender.send(body).unwrap() };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let routes = Router::new().route("/v1/traces", post(take));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (url, received)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_a_span_of_the_trace_that_its_client_began() {
    let (url, mut received) = collector().await;
    let folder = data_folder();
    let mut server = Server::start_with(&folder, &[("OTEL_EXPORTER_OTLP_ENDPOINT", &url)]);
    let request = reqwest::Client::new()
        .get(at(&server, "http://host/industryData/runs"))
        .header("traceparent", format!("00-{TRACE:032x}-{PARENT:016x}-01"));
    assert_eq!(request.send().await.unwrap().status(), 401);
    server.signal(Signal::TERM);
    let (status, log) = tokio::task::spawn_blocking(move || server.wait())
        .await
        .unwrap();
    assert_eq!(status.code(), Some(0));
    let refusal = log.lines().find(|line| line.contains("request rejected"));
    assert!(refusal.unwrap().contains(&format!("{TRACE:032x}")), "{log}");

    received.close();
    let mut spans = Vec::new();
    while let Some(body) = received.recv().await {
        spans.extend(body);
    }
    let holds = |bytes: &[u8]| spans.windows(bytes.len()).any(|window| window == bytes);
    assert!(holds(&TRACE.to_be_bytes()) && holds(&PARENT.to_be_bytes()));
    for words in [
        "flowruns",
        "GET /industryData/runs",
        "http.route",
        "http.response.status_code",
    ] {
        assert!(holds(words.as_bytes()), "{words}");
    }
}
