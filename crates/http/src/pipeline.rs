//! The steps that every request passes through, whatever its front end.

use std::{
    future::Future,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, header},
    response::{IntoResponse as _, Response},
};
use flowruns_domain::{
    clock::{Clock, Ids},
    timestamp::Timestamp,
};
use futures_util::FutureExt as _;
use ipnet::IpNet;
use tracing::{Instrument as _, Span};

use crate::{
    context::RequestContext,
    cors::CorsPolicy,
    deadline::Deadline,
    error::RequestError,
    log::RequestSummary,
    meter::{InFlight, RequestMeter},
    origin::RequestOrigin,
    rejection_log::RejectionLog,
    response_body, security_headers,
    streaming::{StreamBody, StreamingResponse},
    trace::{RequestTracer, span},
};

/// How a front end writes responses: the one thing that the pipeline does not know.
pub trait ResponseFormat: Send + Sync + 'static {
    /// The body of a failed response.
    fn error_body(
        &self,
        error: &RequestError,
        context: &RequestContext,
        now: Timestamp,
    ) -> ErrorBody;

    /// Adds the headers that every response of the front end has.
    fn add_headers(&self, _headers: &mut HeaderMap) {}

    /// Removes the body of the response to a write, which has happened, when no memory is left for it. Returns `false` and
    /// leaves the response as it is if it cannot do without its body.
    fn remove_body(&self, _response: &mut Response) -> bool {
        false
    }
}

/// The body of a failed response.
#[derive(Clone, Debug)]
pub struct ErrorBody {
    /// The media type.
    pub content_type: HeaderValue,
    /// The text.
    pub bytes: Vec<u8>,
}

/// What a pipeline needs besides the format of its front end.
#[derive(Clone)]
pub struct PipelineOptions {
    /// Gives the date of a failure, and the time in the id of a request.
    pub clock: Arc<dyn Clock>,
    /// Makes the ids of requests.
    pub ids: Arc<dyn Ids>,
    /// How long a request may take until its response begins; after that it is answered with 503.
    pub request_timeout: Duration,
    /// The networks of the proxies that are trusted to report scheme, host, port and path prefix of the client's URL.
    pub trusted_proxies: Vec<IpNet>,
    /// Which pages of other origins may call the front end.
    pub cors: CorsPolicy,
    /// Exports traces; without it only a request with a `traceparent` has a span.
    pub tracer: Option<Arc<dyn RequestTracer>>,
}

/// Responds to every request of a front end, whatever its handlers do: ids, deadline, panics, error bodies, headers, metrics
/// and the log.
pub struct RequestPipeline<F> {
    options: PipelineOptions,
    format: F,
    meter: RequestMeter,
    rejections: RejectionLog,
}

/// A request in the pipeline.
struct RequestInPipeline {
    context: Arc<RequestContext>,
    method: Method,
    span: Span,
    started: Instant,
}

impl<F: ResponseFormat> RequestPipeline<F> {
    /// A pipeline for a front end of this many [routes](crate::RouteName). Metrics go to the recorder that is installed now.
    pub fn new(options: PipelineOptions, format: F, routes: usize) -> Self {
        Self {
            options,
            format,
            meter: RequestMeter::new(routes),
            rejections: RejectionLog::default(),
        }
    }

    /// Responds to a request that came over a connection, with the headers that browsers and caches need. `handler` is not
    /// called for a CORS preflight.
    pub async fn serve<Fut: Future<Output = Response>>(
        &self,
        request: Request,
        handler: impl FnOnce(Request) -> Fut,
    ) -> Response {
        let method = request.method().clone();
        let is_https = RequestOrigin::is_https(&request, &self.options.trusted_proxies);
        let page = self.options.cors.page_of(request.headers());
        let handler = async |request: Request| match page.preflight(&request) {
            Some(response) => response,
            None => handler(request).await,
        };
        let mut response = self.handle(request, handler).await;
        security_headers::add(&mut response, &method, is_https);
        page.add_headers(&mut response);
        response
    }

    /// Responds to a request that has no connection of its own, such as an item of a batch.
    pub async fn handle<Fut: Future<Output = Response>>(
        &self,
        request: Request,
        handler: impl FnOnce(Request) -> Fut,
    ) -> Response {
        let (exchange, request) = self.identify(request);
        let in_flight = self.meter.begin();
        let response = exchange.run(handler(request)).await;
        let response = self.charge_body(response, &exchange);
        let (mut response, error) = self.write_error(response, &exchange);
        self.add_headers(&mut response, &exchange);
        self.account(&response, error.as_deref(), &exchange);
        hold_until_sent(response, exchange, &in_flight)
    }

    /// A failure as a response with its body, for a response that is kept and sent again.
    pub fn render(&self, error: RequestError, context: &RequestContext) -> Response {
        let mut response = error.into_response();
        if let Some(error) = response.extensions().get::<Arc<RequestError>>().cloned() {
            self.write_body(&mut response, &error, context);
        }
        response
    }

    /// Gives the request its ids, its deadline and its span.
    fn identify(&self, mut request: Request) -> (RequestInPipeline, Request) {
        let PipelineOptions { clock, ids, .. } = &self.options;
        let started = Instant::now();
        let deadline = request.extensions().get::<Deadline>().copied();
        let deadline =
            deadline.unwrap_or_else(|| Deadline::new(started, self.options.request_timeout));
        let request_id = ids.next(clock.now());
        let context = Arc::new(RequestContext::new(request_id, deadline, request.headers()));
        let tracer = self.options.tracer.as_deref();
        let exchange = RequestInPipeline {
            span: span(tracer, request_id, &request),
            method: request.method().clone(),
            started,
            context: Arc::clone(&context),
        };
        request.extensions_mut().insert(context);
        (exchange, request)
    }

    /// Charges a long response to its request. When no memory is left for it, a read is answered with 503, and a write, which
    /// has happened, without its body. A stream is not in memory and is not charged.
    fn charge_body(&self, mut response: Response, exchange: &RequestInPipeline) -> Response {
        let permit = exchange.context.permit();
        let (Some(permit), Some(length)) = (permit, response_body::long_length(&response)) else {
            return response;
        };
        // The request itself is not in memory any more, so that most responses are charged less than their requests were.
        if permit.charge(length).is_ok() {
            return response;
        }
        if exchange.method.is_safe() {
            return RequestError::overloaded().into_response();
        }
        // An error or the response to a batch keeps its body: both are bounded.
        if !self.format.remove_body(&mut response) {
            permit.set(length);
        }
        response
    }

    /// Writes the body of a failed response. One that is kept with its idempotency key has its body already.
    fn write_error(
        &self,
        mut response: Response,
        exchange: &RequestInPipeline,
    ) -> (Response, Option<Arc<RequestError>>) {
        let error = response.extensions_mut().remove::<Arc<RequestError>>();
        if let Some(error) = &error
            && !response.headers().contains_key(header::CONTENT_TYPE)
        {
            self.write_body(&mut response, error, &exchange.context);
        }
        (response, error)
    }

    fn write_body(&self, response: &mut Response, error: &RequestError, context: &RequestContext) {
        let body = self.format.error_body(error, context, self.options.clock.now());
        *response.body_mut() = Body::from(body.bytes);
        let headers = response.headers_mut();
        // The router may have added the length of the empty body.
        headers.remove(header::CONTENT_LENGTH);
        headers.insert(header::CONTENT_TYPE, body.content_type);
    }

    fn add_headers(&self, response: &mut Response, exchange: &RequestInPipeline) {
        self.format.add_headers(response.headers_mut());
        exchange.context.add_ids(response.headers_mut());
    }

    /// Counts, traces and logs the request.
    fn account(
        &self,
        response: &Response,
        error: Option<&RequestError>,
        exchange: &RequestInPipeline,
    ) {
        let RequestInPipeline { context, method, span, .. } = exchange;
        let summary = RequestSummary {
            method,
            route: context.route(),
            status: response.status(),
            error,
            duration: exchange.started.elapsed(),
        };
        self.meter.count(&summary);
        if let Some(tracer) = &self.options.tracer {
            tracer.end(span, method, summary.route.as_str(), summary.status);
        }
        if !self.rejections.records(error) {
            span.in_scope(|| summary.log(context));
        }
    }
}

impl RequestInPipeline {
    /// The response of the handler, or a failure when it panics or misses the deadline.
    async fn run(&self, handler: impl Future<Output = Response>) -> Response {
        let handler = AssertUnwindSafe(handler.instrument(self.span.clone())).catch_unwind();
        let deadline = self.context.deadline().instant();
        match tokio::time::timeout_at(deadline.into(), handler).await {
            Ok(Ok(response)) => response,
            Ok(Err(panic)) => RequestError::panicked(panic.as_ref()).into_response(),
            Err(_elapsed) => RequestError::timed_out().into_response(),
        }
    }
}

/// Keeps the permit of the request until a long response or a stream is sent.
fn hold_until_sent(
    response: Response,
    exchange: RequestInPipeline,
    in_flight: &InFlight<'_>,
) -> Response {
    let context = exchange.context;
    if StreamingResponse::is_set(&response) {
        let in_flight = in_flight.of_stream();
        return response.map(|body| Body::new(StreamBody::new(body, context, in_flight)));
    }
    response_body::hold_until_sent(response, context)
}
