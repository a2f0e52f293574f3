//! HTTP/2 with prior knowledge.

use axum::http::{Request, StatusCode};
use tokio::{net::TcpStream, task::JoinHandle};

use crate::{
    client::get,
    frames::{
        CANCEL, CONTINUATION, Connection, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, Frame,
        GOAWAY, HEADERS, REFUSED_STREAM, RST_STREAM, SETTINGS, STATUS_200, head,
    },
    server::Server,
};

/// The identifier of a setting.
const MAX_CONCURRENT_STREAMS: u16 = 3;

async fn assert_serves(server: &Server) {
    assert_eq!(server.send(&get("/livez")).await.status, 200);
}

/// A client that follows the protocol, and the task of its connection.
async fn well_behaved(
    server: &Server,
    builder: &h2::client::Builder,
) -> (h2::client::SendRequest<axum::body::Bytes>, JoinHandle<Result<(), h2::Error>>) {
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (client, connection) = builder.handshake(stream).await.unwrap();
    (client, tokio::spawn(connection))
}

#[tokio::test]
async fn a_client_that_opens_and_resets_streams_without_end_is_disconnected_and_others_are_not() {
    const STREAMS: u32 = 5_000;
    let server = Server::start(&[]);
    let mut connection = Connection::open(&server).await;
    let block = head("GET", "/livez", &[]);
    let streams = (0..STREAMS).flat_map(|stream| {
        let stream = 2 * stream + 1;
        let open = Frame::new(HEADERS, END_HEADERS | END_STREAM, stream, block.as_slice());
        let reset = Frame::new(RST_STREAM, 0, stream, CANCEL.to_be_bytes());
        [open.to_bytes(), reset.to_bytes()].concat()
    });
    connection.send(streams.collect::<Vec<u8>>()).await;
    let goaway = connection.next(GOAWAY).await;
    assert_eq!(goaway.error(), ENHANCE_YOUR_CALM);
    connection.closed().await;
    assert_serves(&server).await;
}

#[tokio::test]
async fn a_head_without_an_end_closes_the_connection() {
    const FRAMES: usize = 10_000;
    let server = Server::start(&[]);
    // A header that is not in the static table.
    let header = [&[0, 1][..], b"x", &[1], b"x"].concat();
    for part in [vec![], header.repeat(20)] {
        let mut connection = Connection::open(&server).await;
        let mut flood = Frame::new(HEADERS, 0, 1, head("GET", "/livez", &[])).to_bytes();
        let more = Frame::new(CONTINUATION, 0, 1, part).to_bytes();
        flood.extend(more.repeat(FRAMES));
        connection.send(flood).await;
        let frames = connection.closed().await;
        let goaway = frames.iter().find(|frame| frame.kind == GOAWAY).unwrap();
        assert_eq!(goaway.error(), ENHANCE_YOUR_CALM);
    }
    assert_serves(&server).await;
}

#[tokio::test]
async fn a_stream_over_the_limit_is_rejected_and_the_others_continue() {
    let server = Server::start(&[("HTTP2_MAX_STREAMS", "3")]);
    server.create_run().await;
    let mut connection = Connection::open(&server).await;
    let settings = connection.next(SETTINGS).await.payload;
    let limit =
        settings.chunks(6).find(|setting| setting[..2] == MAX_CONCURRENT_STREAMS.to_be_bytes());
    assert_eq!(limit.unwrap()[2..], 3_u32.to_be_bytes());
    let block = server.report_block();
    for stream in [1, 3, 5, 7] {
        let open = Frame::new(HEADERS, END_HEADERS, stream, block.as_slice());
        connection.send(open.to_bytes()).await;
    }
    let rejected = connection.next(RST_STREAM).await;
    assert_eq!((rejected.stream, rejected.error()), (7, REFUSED_STREAM));
    let body = Frame::new(DATA, END_STREAM, 1, *b"{}");
    connection.send(body.to_bytes()).await;
    let response = connection.next(HEADERS).await;
    assert_eq!((response.stream, response.payload[0]), (1, STATUS_200));
}

#[tokio::test]
async fn a_connection_without_requests_is_closed_even_within_a_head() {
    let settings = [("IDLE_TIMEOUT_MS", "3000"), ("WRITE_TIMEOUT_MS", "300")];
    let server = Server::start(&settings);
    let half_a_head = Frame::new(HEADERS, END_STREAM, 1, head("GET", "/livez", &[]));
    for bytes in [vec![], half_a_head.to_bytes()] {
        let mut connection = Connection::open(&server).await;
        connection.send(bytes).await;
        let frames = connection.closed().await;
        assert!(frames.iter().any(|frame| frame.kind == GOAWAY));
    }
}

#[tokio::test]
async fn without_a_window_for_the_response_the_stream_is_reset_and_then_the_connection_is_closed() {
    let settings =
        [("REQUEST_TIMEOUT_MS", "3000"), ("WRITE_TIMEOUT_MS", "300"), ("IDLE_TIMEOUT_MS", "3000")];
    let server = Server::start(&settings);
    let mut builder = h2::client::Builder::new();
    builder.initial_window_size(0);
    let (mut client, connection) = well_behaved(&server, &builder).await;
    let request = Request::get("http://flowruns/openapi.json").body(()).unwrap();
    let (response, _) = client.send_request(request, true).unwrap();
    let response = response.await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let end = response.into_body().data().await.unwrap();
    assert!(end.unwrap_err().is_reset());
    let _goaway_or_end = connection.await.unwrap();
}

#[tokio::test]
async fn heads_over_their_limits_are_rejected() {
    let settings = [("MAX_HEADERS", "20"), ("MAX_HEADER_BYTES", "8192"), ("MAX_URI_BYTES", "1000")];
    let server = Server::start(&settings);
    let (mut client, _) = well_behaved(&server, &h2::client::Builder::new()).await;
    let to = |query: &str| Request::get(format!("http://flowruns/livez?{query}"));
    let many = (0..21).fold(to(""), |request, _| request.header("x-some", "x"));
    let requests = [
        (200, to("")),
        (200, to("").header("host", "flowruns")),
        (414, to(&"x".repeat(1000))),
        (431, many),
        (431, to("").header("x-large", "x".repeat(9000))),
        (400, to("").header("host", "other")),
        (200, to("")),
    ];
    for (status, request) in requests {
        let request = request.body(()).unwrap();
        client = client.ready().await.unwrap();
        let (response, _) = client.send_request(request, true).unwrap();
        assert_eq!(response.await.unwrap().status().as_u16(), status);
    }
}
