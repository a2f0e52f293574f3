//! Around every request: its ids, its deadline, panics, the error body, and one line in the log.

mod hold;

use std::{
    any::Any,
    error::Error,
    panic::AssertUnwindSafe,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use flowruns_domain::{TenantId, Timestamp};
use futures_util::FutureExt;
use uuid::Uuid;

use crate::{
    error::ApiError,
    limits::{Full, Place, Rank, Room},
    odata::{error_body::Envelope, key_path},
    state::Api,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
pub(crate) const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("client-request-id");
const ODATA_VERSION: HeaderName = HeaderName::from_static("odata-version");
const MAX_CLIENT_REQUEST_ID: usize = 256;

/// What is learnt about a request on its way, for its log line.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    pub(crate) request_id: Uuid,
    client_request_id: Option<String>,
    tenant: OnceLock<TenantId>,
    route: OnceLock<MatchedPath>,
    /// Where it counts among all that is under way; nobody may come in without one.
    place: OnceLock<Place>,
}

impl Trace {
    fn new(request_id: Uuid, headers: &HeaderMap) -> Self {
        let sent = headers
            .get(CLIENT_REQUEST_ID)
            .and_then(|id| id.to_str().ok());
        let usable = |id: &&str| (1..=MAX_CLIENT_REQUEST_ID).contains(&id.len());
        Self {
            request_id,
            client_request_id: sent.filter(usable).map(str::to_owned),
            ..Self::default()
        }
    }

    /// Notes the route's template, which is known only inside the router.
    pub(crate) fn note_route(&self, route: Option<&MatchedPath>) {
        if let Some(route) = route {
            let _already_noted = self.route.set(route.clone());
        }
    }

    /// A refusal with its body, as it is answered now and whenever it is given again.
    pub(crate) fn refused(&self, error: ApiError, now: Timestamp) -> Response {
        let mut response = error.into_response();
        if let Some(error) = response.extensions().get::<Arc<ApiError>>().cloned() {
            write_error_body(&mut response, &error, self, now.to_string());
        }
        response
    }

    /// Counts the request among all that is under way, until it is answered.
    pub(crate) fn enter(&self, room: &Arc<Room>, rank: Rank, bytes: usize) -> Result<&Place, Full> {
        let place = room.enter(rank, bytes)?;
        Ok(self.place.get_or_init(|| place))
    }

    /// Where the request counts, once it has entered.
    pub(crate) fn place(&self) -> Option<&Place> {
        self.place.get()
    }

    pub(crate) fn note_tenant(&self, tenant: TenantId) {
        // The tenant is noted once a request, so there is no former one to keep.
        let _already_noted = self.tenant.set(tenant);
    }
}

/// By when a request is answered. One that comes with it already is an item of a batch, which ends with its batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    /// So much earlier.
    pub(crate) fn before(self, margin: Duration) -> Self {
        Self(self.0.checked_sub(margin).unwrap_or(self.0))
    }
}

/// Answers every request, whatever happens inside.
pub(crate) async fn observe(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    observed(&api, request, |request| next.run(request)).await
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
    let mut request = key_path::rewrite(request);
    request.extensions_mut().insert(Arc::clone(&trace));

    let answer = AssertUnwindSafe(answer(request)).catch_unwind();
    let mut response = match tokio::time::timeout_at(deadline.into(), answer).await {
        Ok(Ok(response)) => response,
        Ok(Err(panic)) => ApiError::panicked(panic_message(panic.as_ref())).into_response(),
        Err(_elapsed) => ApiError::timed_out().into_response(),
    };
    let error = response.extensions_mut().remove::<Arc<ApiError>>();
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

    if !api.refusals.took(error.as_deref()) {
        log(&method, &response, error.as_deref(), &trace, started);
    }
    response
}

/// One line a request: a failure of ours is an error, a refusal is information; a success is in the history already.
fn log(
    method: &Method,
    response: &Response,
    error: Option<&ApiError>,
    trace: &Trace,
    started: Instant,
) {
    let status = response.status();
    if !(tracing::enabled!(tracing::Level::DEBUG)
        || status.is_client_error()
        || status.is_server_error())
    {
        return;
    }
    let Trace { request_id, .. } = trace;
    let route = trace.route.get().map_or("", MatchedPath::as_str);
    let tenant = trace
        .tenant
        .get()
        .map(ToString::to_string)
        .unwrap_or_default();
    let rule = error.and_then(|error| error.inner_code).unwrap_or_default();
    let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    let (code, is_refusal) = (status.as_u16(), status.is_client_error());
    if status.is_server_error() {
        let cause = error
            .and_then(|error| error.cause.as_deref())
            .map(chain)
            .unwrap_or_default();
        tracing::error!(%request_id, tenant, %method, route, status = code, rule, micros, cause, "request failed");
    } else if is_refusal {
        tracing::info!(%request_id, tenant, %method, route, status = code, rule, micros, "request refused");
    } else {
        tracing::debug!(%request_id, tenant, %method, route, status = code, micros, "request");
    }
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

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!(
        "a handler panicked: {}",
        text.as_deref().unwrap_or("without a message")
    )
}

/// The whole chain of causes.
fn chain(error: &(dyn Error + Send + Sync + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
