//! Streaming responses on real sockets: they outlast the exchange timeout, and end at the drain.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

use std::{convert::Infallible, future::Future, net::SocketAddr, time::Duration};

use axum::{
    Extension, Router,
    body::{Body, Bytes},
    http::{Request, Response},
    routing::get,
};
use flowruns_listener::{ListenOptions, StreamingResponse, bind, serve};
use futures_util::stream;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::oneshot,
    task::JoinHandle,
    time::{sleep, timeout},
};

const EXCHANGE_TIMEOUT: Duration = Duration::from_millis(200);
/// The parts of a body together take twice the exchange timeout.
const PARTS: usize = 8;
const PAUSE: Duration = Duration::from_millis(50);
/// Far longer than the tests take: a test that hangs fails.
const TEST_TIMEOUT: Duration = Duration::from_secs(60);

/// A body whose parts come with a pause before each.
fn slow_body(parts: usize) -> Body {
    Body::from_stream(stream::unfold(parts, |left| async move {
        let left = left.checked_sub(1)?;
        sleep(PAUSE).await;
        Some((Ok::<_, Infallible>(Bytes::from_static(b"part ")), left))
    }))
}

struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

impl Server {
    fn start() -> Self {
        let streaming = || async { (Extension(StreamingResponse), slow_body(PARTS)) };
        let endless = || async { (Extension(StreamingResponse), slow_body(usize::MAX)) };
        let router = Router::new()
            .route("/streaming", get(streaming))
            .route("/endless", get(endless))
            .route("/ordinary", get(|| async { slow_body(PARTS) }));
        let mut options = ListenOptions::default();
        options.exchange_timeout = EXCHANGE_TIMEOUT;
        // Longer than the tests may take: the drain must not need it.
        options.drain_timeout = 2 * TEST_TIMEOUT;
        let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(async move {
            let shutdown = async { stopped.await.unwrap() };
            serve(listener, router, &options, None, shutdown).await.unwrap();
        });
        Self { address, stop: Some(stop), serving }
    }

    fn begin_drain(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    async fn ended(self) {
        in_time(self.serving).await.unwrap();
    }

    async fn http1(&self, path: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    async fn http2(&self, path: &str) -> Response<h2::RecvStream> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        let request = Request::get(format!("http://test{path}")).body(()).unwrap();
        let (response, _) = client.send_request(request, true).unwrap();
        in_time(response).await.unwrap()
    }
}

async fn in_time<T>(future: impl Future<Output = T>) -> T {
    timeout(TEST_TIMEOUT, future).await.unwrap()
}

/// The whole body, or the error that ends it.
async fn read_http2(mut body: h2::RecvStream) -> Result<String, h2::Error> {
    let mut received = Vec::new();
    while let Some(data) = in_time(body.data()).await {
        received.extend_from_slice(&data?);
    }
    Ok(String::from_utf8(received).unwrap())
}

async fn read_http1(mut stream: TcpStream) -> String {
    let mut received = String::new();
    in_time(stream.read_to_string(&mut received)).await.unwrap();
    received
}

const LAST_CHUNK: &str = "\r\n0\r\n\r\n";

#[tokio::test]
async fn a_streaming_response_that_outlasts_the_exchange_timeout_arrives_whole() {
    let server = Server::start();
    let received = read_http1(server.http1("/streaming").await).await;
    assert_eq!(received.matches("part ").count(), PARTS, "{received}");
    assert!(received.ends_with(LAST_CHUNK), "{received}");
    let body = server.http2("/streaming").await.into_body();
    assert_eq!(read_http2(body).await.unwrap(), "part ".repeat(PARTS));
}

#[tokio::test]
async fn any_other_response_of_http_2_is_cut_off_at_the_exchange_timeout() {
    let server = Server::start();
    let body = server.http2("/ordinary").await.into_body();
    assert!(read_http2(body).await.unwrap_err().is_reset());
}

#[tokio::test]
async fn a_streaming_response_is_cut_off_at_the_drain_and_does_not_look_complete() {
    let mut server = Server::start();
    let mut http1 = server.http1("/endless").await;
    let body = server.http2("/endless").await.into_body();
    // The response has begun.
    in_time(http1.read_u8()).await.unwrap();
    server.begin_drain();
    let received = read_http1(http1).await;
    assert!(received.contains("part ") && !received.ends_with(LAST_CHUNK), "{received}");
    assert!(read_http2(body).await.unwrap_err().is_reset());
    server.ended().await;
}

#[tokio::test]
async fn a_streaming_response_may_end_by_itself_at_the_drain() {
    let mut server = Server::start();
    let mut http1 = server.http1("/streaming").await;
    in_time(http1.read_u8()).await.unwrap();
    server.begin_drain();
    assert!(read_http1(http1).await.ends_with(LAST_CHUNK));
    server.ended().await;
}
