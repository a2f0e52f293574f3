//! A long answer counts among what is under way until it is sent: a client may take its time to read it.

use std::sync::Arc;

use axum::{
    body::{Body, HttpBody as _},
    response::Response,
};
use bytes::Bytes;
use futures_util::FutureExt as _;
use http_body_util::BodyExt as _;

use super::Trace;

/// A shorter answer is not counted: the kernel takes it at once, or nearly so.
const LONG_ANSWER: u64 = 16 * 1024;

/// The bytes of an answer, and the request that they answer.
struct Held {
    bytes: Bytes,
    _request: Arc<Trace>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Keeps the place of the request until its long answer is on its way. The bytes are the answer's now: what came in is
/// not held any more.
pub(super) fn until_sent(response: Response, trace: &Arc<Trace>) -> Response {
    let length = response.body().size_hint().lower();
    let Some(place) = trace.place().filter(|_| length >= LONG_ANSWER) else {
        return response;
    };
    place.hold(usize::try_from(length).unwrap_or(usize::MAX));
    let (parts, body) = response.into_parts();
    // Every body is in memory, so that there is nothing to wait for.
    let body = match body.collect().now_or_never() {
        Some(Ok(whole)) => Body::from(Bytes::from_owner(Held {
            bytes: whole.to_bytes(),
            _request: Arc::clone(trace),
        })),
        Some(Err(_)) | None => Body::empty(),
    };
    Response::from_parts(parts, body)
}
