//! A long response is charged to its request until it is sent: a client may take its time to read it.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    body::{Body, HttpBody},
    http::{Method, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::Trace;
use crate::{error::ApiError, respond};

/// A shorter response is not charged: the kernel takes it at once, or nearly so.
const LONG_RESPONSE: u64 = 16 * 1024;

/// Charges a long response, or replaces it when there is no memory for it: that of a read by 503, and that of a write, which
/// has happened, by what the client would get with `Prefer: return=minimal`.
pub(super) fn charged(response: Response, method: &Method, trace: &Trace) -> Response {
    let length = response.body().size_hint().lower();
    let Some(permit) = trace.permit().filter(|_| length >= LONG_RESPONSE) else {
        return response;
    };
    // What came in is not held any more, so that most responses are charged less than their requests were.
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    match permit.charge(length) {
        Ok(()) => response,
        Err(_overloaded) if matches!(*method, Method::GET | Method::HEAD) => {
            ApiError::overloaded().into_response()
        }
        Err(_overloaded) if is_entity(&response) => respond::minimal(response),
        // A refusal, or the responses of a batch: both are bounded.
        Err(_overloaded) => {
            permit.set(length);
            response
        }
    }
}

/// Whether it shows what was written.
fn is_entity(response: &Response) -> bool {
    let is_written = matches!(response.status(), StatusCode::OK | StatusCode::CREATED);
    is_written && response.headers().contains_key(header::ETAG)
}

/// Keeps the permit of the request until its long response is sent.
pub(super) fn until_sent(response: Response, trace: &Arc<Trace>) -> Response {
    if response.body().size_hint().lower() < LONG_RESPONSE || trace.permit().is_none() {
        return response;
    }
    let request = Arc::clone(trace);
    response.map(|body| Body::new(HeldBody { body, request }))
}

/// A body of which every piece keeps the permit until it is written.
struct HeldBody {
    body: Body,
    request: Arc<Trace>,
}

/// Bytes of a response, and the request that they answer.
struct HeldBytes {
    bytes: Bytes,
    _request: Arc<Trace>,
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
        let held = |bytes| {
            Bytes::from_owner(HeldBytes {
                bytes,
                _request: Arc::clone(&self.request),
            })
        };
        frame.map(|frame| frame.map(|frame| frame.map(|frame| frame.map_data(held))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
