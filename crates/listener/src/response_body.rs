//! The body of a response: the request is in flight until the body has been handed to HTTP or dropped.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Buf, Frame, SizeHint};

use crate::{
    connection::ConnectionContext,
    memory::{MemoryCharge, REQUEST_BYTES},
};

/// The size of the chunks that are handed to HTTP. HTTP/2 keeps a chunk until the client opens its window, and a chunk is no
/// longer counted by the body that it came from.
const CHUNK_BYTES: usize = 16 * 1024;
/// Longer bodies are counted by the router until they are sent.
const COUNTED_BYTES: usize = 16 * 1024;
/// How long a streaming response may take to end by itself when the server drains.
const STREAM_END_GRACE: Duration = Duration::from_secs(1);

/// A request that is in flight until this is dropped.
pub(crate) struct InFlightGuard {
    context: Arc<ConnectionContext>,
    is_write: bool,
}

impl InFlightGuard {
    /// A write is a request that may change something. It is completed whatever its client does.
    pub(crate) fn new(context: &Arc<ConnectionContext>, is_write: bool) -> Self {
        context.handle.request_began(is_write);
        Self { context: Arc::clone(context), is_write }
    }

    pub(crate) const fn context(&self) -> &Arc<ConnectionContext> {
        &self.context
    }
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        self.context.handle.request_ended(self.is_write);
    }
}

pub(crate) struct TrackedBody {
    body: Body,
    /// Bytes that the body has yielded and that were not handed to HTTP yet.
    rest: Bytes,
    /// How many bytes wait for the client and were not handed to HTTP/2 yet.
    queued: usize,
    is_http2: bool,
    /// Completes when a streaming response must end.
    cutoff: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    charge: Arc<MemoryCharge>,
    _in_flight: InFlightGuard,
}

/// A part of a body, which records what is sent of it.
pub(crate) struct TrackedChunk {
    bytes: Bytes,
    is_http2: bool,
    charge: Arc<MemoryCharge>,
}

#[derive(Debug, thiserror::Error)]
#[error("the response was cut off: the server is shutting down")]
struct CutOff;

impl TrackedBody {
    pub(crate) fn new(
        body: Body,
        is_http2: bool,
        is_streaming: bool,
        mut charge: MemoryCharge,
        in_flight: InFlightGuard,
    ) -> Self {
        let length = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        charge.set(REQUEST_BYTES + length.min(COUNTED_BYTES));
        let mut tracked = Self {
            body,
            rest: Bytes::new(),
            queued: 0,
            is_http2,
            cutoff: is_streaming.then(|| cutoff(in_flight.context())),
            charge: Arc::new(charge),
            _in_flight: in_flight,
        };
        tracked.queue_at_least(length);
        tracked
    }

    /// At least this number of bytes waits for the client.
    fn queue_at_least(&mut self, bytes: usize) {
        if self.is_http2 && bytes > self.queued {
            let added = bytes - self.queued;
            self.charge.handle().response_queued(added);
            self.queued = bytes;
        }
    }

    fn is_cut_off(&mut self, context: &mut Context<'_>) -> bool {
        let cutoff = self.cutoff.as_mut();
        cutoff.is_some_and(|cutoff| cutoff.as_mut().poll(context).is_ready())
    }
}

fn cutoff(context: &ConnectionContext) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    let draining = context.limiter.draining();
    Box::pin(async move {
        draining.await;
        tokio::time::sleep(STREAM_END_GRACE).await;
    })
}

impl HttpBody for TrackedBody {
    type Data = TrackedChunk;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<TrackedChunk>, axum::Error>>> {
        if self.is_cut_off(context) {
            self.cutoff = None;
            return Poll::Ready(Some(Err(axum::Error::new(CutOff))));
        }
        if self.rest.is_empty() {
            let frame = match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                None => return Poll::Ready(None),
                Some(frame) => frame?,
            };
            self.rest = match frame.into_data() {
                Ok(data) => data,
                Err(frame) => {
                    let trailers = frame.into_trailers().unwrap_or_default();
                    return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
                }
            };
        }
        let length = self.rest.len().min(CHUNK_BYTES);
        self.queue_at_least(length);
        self.queued = self.queued.saturating_sub(length);
        let chunk = TrackedChunk {
            bytes: self.rest.split_to(length),
            is_http2: self.is_http2,
            charge: Arc::clone(&self.charge),
        };
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let body = self.body.size_hint();
        let rest = self.rest.len() as u64;
        let mut whole = SizeHint::new();
        if let Some(upper) = body.upper() {
            whole.set_upper(upper + rest);
        }
        whole.set_lower(body.lower() + rest);
        whole
    }
}

impl Drop for TrackedBody {
    fn drop(&mut self) {
        if self.is_http2 {
            self.charge.handle().response_sent(self.queued);
        }
    }
}

impl Buf for TrackedChunk {
    fn remaining(&self) -> usize {
        self.bytes.len()
    }

    fn chunk(&self) -> &[u8] {
        &self.bytes
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        if self.is_http2 {
            self.charge.handle().response_sent(count);
        }
    }
}

impl Drop for TrackedChunk {
    fn drop(&mut self) {
        if self.is_http2 {
            self.charge.handle().response_sent(self.bytes.len());
        }
    }
}
