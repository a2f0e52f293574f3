//! Responses that are sent while they are made: events, exports.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    body::{Body, HttpBody},
    response::Response,
};
use bytes::Bytes;
use http_body::{Frame, SizeHint};

use crate::{context::RequestContext, meter::StreamInFlight};

/// A handler puts this into the extensions of a response whose body is a stream, such as server-sent events or an export.
/// The deadline of the request then ends with the head of the response, the body is neither measured nor changed, and the
/// request counts as in flight, with its admission permit, until the body is dropped.
///
/// A listener lets such a response take longer than any other, but the client must still read it at the minimum rate. When
/// the server drains, the body may end by itself within one second; then it is cut off with an error, so that no client takes
/// it for a complete one.
#[derive(Clone, Copy, Debug, Default)]
pub struct StreamingResponse;

impl StreamingResponse {
    /// Whether a response is marked as a stream.
    pub fn is_set(response: &Response) -> bool {
        response.extensions().get::<Self>().is_some()
    }
}

/// The body of a stream, which keeps its request in flight. Its frames pass through as they are.
pub(crate) struct StreamBody {
    body: Body,
    _context: Arc<RequestContext>,
    _in_flight: StreamInFlight,
}

impl StreamBody {
    pub(crate) const fn new(
        body: Body,
        context: Arc<RequestContext>,
        in_flight: StreamInFlight,
    ) -> Self {
        Self { body, _context: context, _in_flight: in_flight }
    }
}

impl HttpBody for StreamBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
