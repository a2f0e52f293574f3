//! HTTP/1 and HTTP/2 with their limits.

use std::{
    cell::Cell,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use hyper::rt::Executor;
use hyper_util::{rt::TokioTimer, server::conn::auto};
use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};

use crate::ListenOptions;

/// How many headers the parser of HTTP/1 stores without an allocation for each request.
const HEADERS_ON_THE_STACK: usize = 100;
/// How often a client of HTTP/2 is pinged, and how long it may take to respond: a client that has gone must not keep a
/// connection.
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// How many unread bytes of one body, and of all bodies of a connection, a client of HTTP/2 may send.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 128 * 1024;
/// How many bytes of one response are buffered for a client of HTTP/2 that does not read.
const SEND_BUFFER: usize = 16 * 1024;
/// How many streams a client may open and reset before they are accepted (rapid reset), and how many streams it may make the
/// server reset by protocol errors. Beyond it the connection is closed.
const MAX_PENDING_RESETS: usize = 20;
const MAX_ERROR_RESETS: usize = 100;

tokio::task_local! {
    /// Whether the response of this stream of HTTP/2 is a streaming response.
    static IS_STREAMING: Cell<bool>;
}

/// Runs the streams of HTTP/2. Each must end within the exchange timeout, unless its response is a streaming response.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StreamExecutor {
    exchange_timeout: Duration,
}

impl<F: Future<Output: Send> + Send + 'static> Executor<F> for StreamExecutor {
    fn execute(&self, stream: F) {
        let timeout = sleep(self.exchange_timeout);
        let limited = LimitedStream { stream, timeout };
        tokio::spawn(IS_STREAMING.scope(Cell::new(false), limited));
    }
}

/// Exempts the stream of HTTP/2 whose task calls this from the exchange timeout; with HTTP/1 there is none.
pub(crate) fn exempt_from_exchange_timeout() {
    let _is_http1 = IS_STREAMING.try_with(|is_streaming| is_streaming.set(true));
}

pin_project! {
    /// Runs a stream. At the timeout it is dropped, which resets it. Not an `async fn`, which would hold the stream twice.
    struct LimitedStream<F> {
        #[pin]
        stream: F,
        #[pin]
        timeout: Sleep,
    }
}

impl<F: Future> Future for LimitedStream<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        if this.stream.poll(context).is_ready() {
            return Poll::Ready(());
        }
        match IS_STREAMING.with(Cell::get) {
            true => Poll::Pending,
            false => this.timeout.poll(context),
        }
    }
}

/// Serves connections of both versions.
pub(crate) fn server(options: &ListenOptions) -> auto::Builder<StreamExecutor> {
    let mut server =
        auto::Builder::new(StreamExecutor { exchange_timeout: options.exchange_timeout });
    let mut http1 = server.http1();
    http1
        .timer(TokioTimer::new())
        // The driver of the connection has this timeout, and does not apply it to an idle connection.
        .header_read_timeout(None)
        // A client that closes its sending side behind a request still reads the response.
        .half_close(true)
        .max_buf_size(options.max_header_bytes as usize);
    let headers = usize::from(options.max_headers);
    if headers > HEADERS_ON_THE_STACK {
        http1.max_headers(headers);
    }
    server
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(options.max_header_bytes)
        .max_concurrent_streams(options.http2_max_streams)
        .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
        .max_local_error_reset_streams(MAX_ERROR_RESETS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT);
    server
}
