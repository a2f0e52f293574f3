//! HTTP/1 and HTTP/2 with their limits.

use std::time::Duration;

use hyper::rt::Executor;
use hyper_util::{rt::TokioTimer, server::conn::auto};

use super::patience::Patience;
use crate::config::Http;

/// How many headers the parser of HTTP/1 takes without memory from the heap for each request.
const HEADERS_ON_THE_STACK: usize = 100;
/// How often a client of HTTP/2 is pinged, and how long it may take to answer: one that is gone shall not stay a connection.
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// How many bytes of one body, and of all bodies of a connection, a client of HTTP/2 may send before they are read.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 128 * 1024;
/// How many bytes of one answer wait for a client of HTTP/2 that does not read.
const SEND_BUFFER: usize = 16 * 1024;
/// How many streams a client may open and reset before they are looked at (rapid reset), and how many it may make us
/// reset by its own errors; then the connection is closed.
const RESETS_BEFORE_ACCEPT: usize = 20;
const RESETS_FOR_ERRORS: usize = 100;

/// Runs the streams of HTTP/2, each no longer than a request and its answer may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Streams(Duration);

impl<F: Future<Output: Send> + Send + 'static> Executor<F> for Streams {
    fn execute(&self, stream: F) {
        tokio::spawn(tokio::time::timeout(self.0, stream));
    }
}

/// What serves connections.
pub(super) fn server(http: &Http, patience: &Patience) -> auto::Builder<Streams> {
    let mut server = auto::Builder::new(Streams(patience.exchange));
    // A connection has an alarm of its own, which knows an idle one from one that is slow with a head.
    let mut http1 = server.http1();
    http1
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        // A client that closes its sending side behind a request still reads the answer.
        .half_close(true)
        .max_buf_size(http.max_header_bytes as usize);
    let headers = usize::from(http.max_headers);
    if headers > HEADERS_ON_THE_STACK {
        http1.max_headers(headers);
    }
    server
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(http.max_header_bytes)
        .max_concurrent_streams(http.http2_max_streams)
        .max_pending_accept_reset_streams(RESETS_BEFORE_ACCEPT)
        .max_local_error_reset_streams(RESETS_FOR_ERRORS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT);
    server
}
