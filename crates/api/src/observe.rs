//! Around every request: its ids, its deadline, panics, the error body, and one line in the log.

mod hold;
mod meter;
mod routes;
mod trace;
mod traceparent;

use std::{
    any::Any,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use tracing::Instrument as _;

use self::trace::Answered;
pub use self::trace::RequestTracer;
pub(crate) use self::{
    meter::{Meter, NotLetIn},
    trace::{Trace, chain},
    traceparent::TRACEPARENT,
};
use crate::{
    cors,
    error::ApiError,
    fallback,
    odata::{error_body::Envelope, key_path, origin::Origin},
    security_headers,
    state::Api,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
pub(crate) const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("client-request-id");
const ODATA_VERSION: HeaderName = HeaderName::from_static("odata-version");

/// By when a request is answered. One that comes with it already is an item of a batch, which ends with its batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    /// So much from now.
    pub(crate) fn after(time: Duration) -> Self {
        Self(Instant::now() + time)
    }

    /// The moment.
    pub(crate) const fn instant(self) -> Instant {
        self.0
    }

    /// So much earlier.
    pub(crate) fn before(self, margin: Duration) -> Self {
        Self(self.0.checked_sub(margin).unwrap_or(self.0))
    }
}

/// Answers every request, whatever happens inside.
pub(crate) async fn observe(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let is_https = Origin::is_https(&request, &api.options.trusted_proxies);
    let sender = cors::Sender::of(request.headers(), &api.options.cors_origins);
    let answer = async |request: Request| match sender.preflight(&request) {
        Some(response) => response,
        None => next.run(request).await,
    };
    let mut response = observed(&api, request, answer).await;
    security_headers::add(&mut response, &method, is_https);
    sender.add_headers(&mut response);
    response
}

/// The answer to a request, after its keys have become segments: in time and with its ids, whatever `answer` does.
pub(crate) async fn observed<F: Future<Output = Response>>(
    api: &Api,
    mut request: Request,
    answer: impl FnOnce(Request) -> F,
) -> Response {
    let started = Instant::now();
    let Deadline(deadline) = *request
        .extensions_mut()
        .get_or_insert_with(|| Deadline(started + api.options.request_timeout));
    let environment = &api.options.environment;
    let request_id = environment.ids.next(environment.clock.now());
    let trace = Arc::new(Trace::new(request_id, request.headers()));
    let method = request.method().clone();
    let tracer = api.options.tracer.as_deref();
    let span = trace.span(tracer, (&method, request.headers()));
    let _in_flight = api.meter.begin();
    let mut request = key_path::rewrite(request);
    request.extensions_mut().insert(Arc::clone(&trace));

    let response = in_time(answer(request).instrument(span.clone()), deadline).await;
    let mut response = hold::charged(response, &method, &trace);
    let error = taken_error(&mut response, &method);
    // A refusal that is kept with its key has a body already.
    if let Some(error) = &error
        && !response.headers().contains_key(header::CONTENT_TYPE)
    {
        write_error_body(
            &mut response,
            error,
            &trace,
            environment.clock.now().to_string(),
        );
    }
    add_headers(&mut response, &trace);
    let response = hold::until_sent(response, &trace);

    let answered = Answered {
        method: &method,
        status: response.status(),
        error: error.as_deref(),
        took: started.elapsed(),
    };
    api.meter.count(&answered, &trace);
    if let Some(tracer) = tracer {
        tracer.end(&span, &method, trace.route().as_str(), answered.status);
    }
    if !api.refusals.took(answered.error) {
        span.in_scope(|| answered.log(&trace));
    }
    response
}

/// The answer, or why there is none.
async fn in_time(answer: impl Future<Output = Response>, deadline: Instant) -> Response {
    let answer = AssertUnwindSafe(answer).catch_unwind();
    match tokio::time::timeout_at(deadline.into(), answer).await {
        Ok(Ok(response)) => response,
        Ok(Err(panic)) => ApiError::panicked(panic_message(panic.as_ref())).into_response(),
        Err(_elapsed) => ApiError::timed_out().into_response(),
    }
}

/// The error that a response is made of. That of a method tells which methods the header Allow lists.
fn taken_error(response: &mut Response, method: &Method) -> Option<Arc<ApiError>> {
    let error = response.extensions_mut().remove::<Arc<ApiError>>()?;
    if error.status == StatusCode::METHOD_NOT_ALLOWED {
        let allow = response.headers().get(header::ALLOW);
        return Some(Arc::new(fallback::not_allowed(method, allow)));
    }
    Some(error)
}

/// Notes the route of a request that no [`Call`](crate::extract::Call) takes in.
pub(crate) async fn note_route(request: Request, next: Next) -> Response {
    if let Some(trace) = request.extensions().get::<Arc<Trace>>() {
        trace.note_route(request.extensions().get::<MatchedPath>());
    }
    next.run(request).await
}

fn write_error_body(response: &mut Response, error: &ApiError, trace: &Trace, date: String) {
    let request_id = trace.request_id.to_string();
    let client_request_id = trace.client_request_id.as_deref().unwrap_or(&request_id);
    let envelope = Envelope::new(error, date, &request_id, client_request_id);
    match serde_json::to_vec(&envelope) {
        Ok(body) => {
            *response.body_mut() = Body::from(body);
            // The router may have put the length of the empty body there.
            response.headers_mut().remove(header::CONTENT_LENGTH);
            response.headers_mut().insert(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/json"),
            );
        }
        Err(_) => *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn add_headers(response: &mut Response, trace: &Trace) {
    let request_id = trace.request_id.to_string();
    let client_request_id = trace.client_request_id.as_deref().unwrap_or(&request_id);
    let headers = response.headers_mut();
    headers.insert(ODATA_VERSION, HeaderValue::from_static("4.0"));
    for (name, id) in [
        (REQUEST_ID, request_id.as_str()),
        (CLIENT_REQUEST_ID, client_request_id),
    ] {
        if let Ok(value) = HeaderValue::from_str(id) {
            headers.insert(name, value);
        }
    }
}

/// What a panic says.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!(
        "a handler panicked: {}",
        text.as_deref().unwrap_or("without a message")
    )
}
