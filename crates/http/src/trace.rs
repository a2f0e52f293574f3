//! Spans of requests.

use axum::{
    extract::Request,
    http::{HeaderMap, Method, StatusCode},
};
use tracing::Span;
use uuid::Uuid;

use crate::traceparent::TraceId;

/// Exports traces: makes the span of each request, and completes it.
pub trait RequestTracer: Send + Sync {
    /// Makes the span of a request that has arrived. The pipeline fills the empty field `request_id` of the span.
    fn begin(&self, method: &Method, headers: &HeaderMap) -> Span;

    /// Completes the span when the response begins; `route` is the name of the route.
    fn end(&self, span: &Span, method: &Method, route: &'static str, status: StatusCode);
}

/// The span around a request: that of the tracer, else one with the trace that the request belongs to, else none, which
/// costs nothing.
pub(crate) fn span(
    tracer: Option<&dyn RequestTracer>,
    request_id: Uuid,
    request: &Request,
) -> Span {
    let request_id = tracing::field::display(request_id);
    if let Some(tracer) = tracer {
        let span = tracer.begin(request.method(), request.headers());
        span.record("request_id", request_id);
        return span;
    }
    match TraceId::of(request.headers()) {
        Some(trace_id) => tracing::error_span!("request", %trace_id, request_id),
        None => Span::none(),
    }
}
