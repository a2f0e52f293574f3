//! The requests of one connection.

use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    pin::pin,
    sync::Arc,
    task::Poll,
};

use axum::{
    body::Body,
    http::{HeaderValue, Request, Response, StatusCode, Version, header},
};
use hyper::body::Incoming;
use tower::Service as _;

use crate::{
    OverTls, StreamingResponse,
    connection::ConnectionContext,
    handle::ConnectionHandle,
    linger,
    memory::{MemoryCharge, REQUEST_BYTES},
    protocol::exempt_from_exchange_timeout,
    request_limits::head_bytes,
    response_body::{InFlightGuard, TrackedBody},
    state::CloseRequest,
};

/// Serves a request. It is in flight from this call on, before the future is polled.
pub(crate) fn serve(
    context: &Arc<ConnectionContext>,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response<TrackedBody>, Infallible>> + Send + use<> {
    let (version, is_write) = (request.version(), !request.method().is_safe());
    let in_flight = InFlightGuard::new(context, is_write);
    let charge = MemoryCharge::new(context, REQUEST_BYTES + head_bytes(&request));
    let rejection = context.handle.take_rejection();
    let rejection = rejection.or_else(|| context.limits.rejection(&request));
    async move {
        let context = in_flight.context();
        let response = match rejection {
            Some(status) => rejected(status, version),
            None => {
                // Boxed, so that its memory is free when the response begins, however long the client reads.
                let response = Box::pin(respond(Arc::clone(context), request.map(Body::new)));
                match is_write || version >= Version::HTTP_2 {
                    true => response.await,
                    false => unless_abandoned(response, &context.handle, version).await,
                }
            }
        };
        let response = match context.limiter.may_stay(context.id, &context.handle) {
            true => response,
            false => {
                context.handle.request_close(CloseRequest::Graceful);
                last(response, version)
            }
        };
        let is_streaming = response.extensions().get::<StreamingResponse>().is_some();
        if is_streaming {
            exempt_from_exchange_timeout();
        }
        let is_http2 = version >= Version::HTTP_2;
        Ok(response.map(|body| TrackedBody::new(body, is_http2, is_streaming, charge, in_flight)))
    }
}

async fn respond(context: Arc<ConnectionContext>, request: Request<Body>) -> Response<Body> {
    let version = request.version();
    let mut request = linger::wrap(request, &context);
    let extensions = request.extensions_mut();
    extensions.insert(context.peer);
    if context.is_over_tls {
        extensions.insert(OverTls);
    }
    // Once it is confirmed there is nothing left to tell.
    if !context.handle.authentication.is_confirmed() {
        extensions.insert(context.handle.authentication.clone());
    }
    // A router is always ready, so it can be called at once.
    match context.router.clone().call(request).await {
        // The rest of the body may come after all, where the next head is expected.
        Ok(response) if response.status() == StatusCode::REQUEST_TIMEOUT => last(response, version),
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// Gives up a read request of HTTP/1 when its client closed its sending side and has waited for long. The client may still
/// read, so it is told to retry.
async fn unless_abandoned(
    response: impl Future<Output = Response<Body>>,
    handle: &ConnectionHandle,
    version: Version,
) -> Response<Body> {
    let mut response = pin!(response);
    poll_fn(|context| {
        if handle.is_abandoned() {
            let mut response = rejected(StatusCode::SERVICE_UNAVAILABLE, version);
            let one_second = HeaderValue::from_static("1");
            response.headers_mut().insert(header::RETRY_AFTER, one_second);
            return Poll::Ready(response);
        }
        // The driver abandons reads and polls this future afterwards.
        response.as_mut().poll(context)
    })
    .await
}

fn rejected(status: StatusCode, version: Version) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    last(response, version)
}

/// Makes a response the last one of a connection of HTTP/1.
fn last(mut response: Response<Body>, version: Version) -> Response<Body> {
    if version <= Version::HTTP_11 {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    response
}
