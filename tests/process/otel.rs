//! Traces, as a collector receives them.

use axum::{Router, body::Bytes, routing::post};
use flowruns_testing::harness::data_folder;
use tokio::{net::TcpListener, sync::mpsc};

use crate::server::start_with;

/// The trace that the client begins.
const TRACE: u128 = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736;
const PARENT: u64 = 0x00f0_67aa_0ba9_02b7;

/// A collector of OTLP over HTTP; the receiver gets the bodies of its requests.
async fn collector() -> (String, mpsc::UnboundedReceiver<Bytes>) {
    let (sender, received) = mpsc::unbounded_channel();
    let receive = move |body: Bytes| async move { sender.send(body).unwrap() };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let routes = Router::new().route("/v1/traces", post(receive));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (url, received)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_a_span_of_the_trace_that_its_client_began() {
    let (url, mut received) = collector().await;
    let folder = data_folder();
    let mut server = start_with(&folder, &[("OTEL_EXPORTER_OTLP_ENDPOINT", &url)]);
    let request = reqwest::Client::new()
        .get(server.url("/industryData/runs"))
        .header("traceparent", format!("00-{TRACE:032x}-{PARENT:016x}-01"));
    assert_eq!(request.send().await.unwrap().status(), 401);
    let stopped = tokio::task::spawn_blocking(move || (server.stop(), server.log()));
    let (status, log) = stopped.await.unwrap();
    assert_eq!(status.code(), Some(0));
    let rejection = log.lines().find(|line| line.contains("request rejected"));
    assert!(rejection.unwrap().contains(&format!("{TRACE:032x}")), "{log}");

    received.close();
    let mut spans = Vec::new();
    while let Some(body) = received.recv().await {
        spans.extend(body);
    }
    let holds = |bytes: &[u8]| spans.windows(bytes.len()).any(|window| window == bytes);
    assert!(holds(&TRACE.to_be_bytes()) && holds(&PARENT.to_be_bytes()));
    for words in ["flowruns", "GET /industryData/runs", "http.route", "http.response.status_code"] {
        assert!(holds(words.as_bytes()), "{words}");
    }
}
