//! The response to a request for what the client has already.

use std::convert::Infallible;

use axum::{
    body::{Body, Bytes},
    http::StatusCode,
    response::Response,
};

/// 304 without headers. Its Content-Length would have to be that of the representation, so the body has no known length and none is
/// sent (RFC 9110, section 8.6).
pub fn not_modified() -> Response {
    let nothing = futures_util::stream::empty::<Result<Bytes, Infallible>>();
    let mut response = Response::new(Body::from_stream(nothing));
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    response
}
