//! A long response is charged to its request until it is sent, because a client may take its time to read it.

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

use crate::{context::RequestContext, streaming::StreamingResponse};

/// A shorter response, in bytes, is not charged: the kernel accepts it at once, or nearly so.
const LONG_RESPONSE: u64 = 16 * 1024;

/// The length of the body, in bytes, if it is in memory and long.
pub(crate) fn long_length(response: &Response) -> Option<usize> {
    let length = response.body().size_hint().lower();
    let is_charged = length >= LONG_RESPONSE && !StreamingResponse::is_set(response);
    is_charged.then(|| usize::try_from(length).unwrap_or(usize::MAX))
}

/// Keeps the permit of a request until its long response is sent.
pub(crate) fn hold_until_sent(response: Response, context: Arc<RequestContext>) -> Response {
    if long_length(&response).is_none() || context.permit().is_none() {
        return response;
    }
    response.map(|body| Body::new(HeldBody { body, context }))
}

/// A body of which every frame keeps the permit of its request until it is written.
struct HeldBody {
    body: Body,
    context: Arc<RequestContext>,
}

/// Bytes of a response, with the request that they answer.
struct HeldBytes {
    bytes: Bytes,
    _context: Arc<RequestContext>,
}

impl AsRef<[u8]> for HeldBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl HttpBody for HeldBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        let held =
            |bytes| Bytes::from_owner(HeldBytes { bytes, _context: Arc::clone(&self.context) });
        frame.map(|frame| frame.map(|frame| frame.map(|frame| frame.map_data(held))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
