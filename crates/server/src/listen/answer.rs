//! The body of a response, which ends a request when it is sent or given up.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Buf, Frame, SizeHint};

use super::{
    activity::Activity,
    budget::{Charge, REQUEST_BYTES},
};

/// How much of a body is handed on at once. HTTP/2 keeps what it was given until the client opens its window, and no other
/// part of the server sees it then.
const PIECE_BYTES: usize = 16 * 1024;
/// Longer bodies are counted by the API until they are sent.
const COUNTED_BYTES: usize = 16 * 1024;

/// A request that is in flight until this is dropped.
pub(super) struct InFlight {
    activity: Arc<Activity>,
    is_write: bool,
}

impl InFlight {
    /// A write changes something, and is finished whatever its client does.
    pub(super) fn begin(activity: &Arc<Activity>, is_write: bool) -> Self {
        activity.request_began(is_write);
        Self {
            activity: Arc::clone(activity),
            is_write,
        }
    }

    pub(super) const fn activity(&self) -> &Arc<Activity> {
        &self.activity
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.activity.request_ended(self.is_write);
    }
}

pub(super) struct Answer {
    body: Body,
    /// What the body has yielded and is not handed on yet.
    rest: Bytes,
    /// How many bytes wait for the client and are not handed on yet (HTTP/2).
    waiting: usize,
    is_http2: bool,
    charge: Arc<Charge>,
    _in_flight: InFlight,
}

/// A part of a body, which counts what is sent of it.
pub(super) struct Piece {
    bytes: Bytes,
    is_http2: bool,
    charge: Arc<Charge>,
}

impl Answer {
    pub(super) fn new(body: Body, is_http2: bool, mut charge: Charge, in_flight: InFlight) -> Self {
        let length = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        charge.set(REQUEST_BYTES + length.min(COUNTED_BYTES));
        let mut answer = Self {
            body,
            rest: Bytes::new(),
            waiting: 0,
            is_http2,
            charge: Arc::new(charge),
            _in_flight: in_flight,
        };
        answer.expect(length);
        answer
    }

    /// At least so many bytes wait for the client.
    fn expect(&mut self, bytes: usize) {
        if self.is_http2 && bytes > self.waiting {
            let more = bytes - self.waiting;
            self.charge.activity().response_waits(more);
            self.waiting = bytes;
        }
    }
}

impl HttpBody for Answer {
    type Data = Piece;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Piece>, axum::Error>>> {
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
        let length = self.rest.len().min(PIECE_BYTES);
        self.expect(length);
        self.waiting = self.waiting.saturating_sub(length);
        let piece = Piece {
            bytes: self.rest.split_to(length),
            is_http2: self.is_http2,
            charge: Arc::clone(&self.charge),
        };
        Poll::Ready(Some(Ok(Frame::data(piece))))
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

impl Drop for Answer {
    fn drop(&mut self) {
        if self.is_http2 {
            self.charge.activity().response_taken(self.waiting);
        }
    }
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.len()
    }

    fn chunk(&self) -> &[u8] {
        &self.bytes
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        if self.is_http2 {
            self.charge.activity().response_taken(count);
        }
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        if self.is_http2 {
            self.charge.activity().response_taken(self.bytes.len());
        }
    }
}
