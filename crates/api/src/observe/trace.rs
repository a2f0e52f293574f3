//! What is learnt about a request on its way, and the line that the log has of it.

use std::{
    error::Error,
    sync::{Arc, OnceLock},
    time::Duration,
};

use axum::{
    extract::MatchedPath,
    http::{HeaderMap, Method, StatusCode},
    response::{IntoResponse as _, Response},
};
use flowruns_admission::{AdmissionController, CallerId, Overloaded, Permit, Priority};
use flowruns_domain::{TenantId, Timestamp};
use tracing::Span;
use uuid::Uuid;

use super::{CLIENT_REQUEST_ID, routes::RouteName, traceparent::TraceId, write_error_body};
use crate::error::ApiError;

/// Sends traces somewhere: makes the span of each request, and is told what came of it.
pub trait RequestTracer: Send + Sync {
    /// A request has come. An empty field `request_id` of the span is filled.
    fn begin(&self, method: &Method, headers: &HeaderMap) -> Span;

    /// It was answered; `route` is the template without `/beta`.
    fn end(&self, span: &Span, method: &Method, route: &'static str, status: StatusCode);
}

const MAX_CLIENT_REQUEST_ID: usize = 256;

/// What is learnt about a request on its way, for its log line.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    pub(crate) request_id: Uuid,
    pub(super) client_request_id: Option<String>,
    tenant: OnceLock<TenantId>,
    route: OnceLock<RouteName>,
    /// What admission has given it; nothing is done without one.
    permit: OnceLock<Permit>,
}

impl Trace {
    pub(super) fn new(request_id: Uuid, headers: &HeaderMap) -> Self {
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

    /// Admits the request; it counts until its response is sent.
    pub(crate) fn admit(
        &self,
        controller: &Arc<AdmissionController>,
        caller: CallerId,
        priority: Priority,
        bytes: usize,
    ) -> Result<&Permit, Overloaded> {
        let permit = controller.admit(caller, priority, bytes)?;
        Ok(self.permit.get_or_init(|| permit))
    }

    /// Its permit, once it was admitted.
    pub(crate) fn permit(&self) -> Option<&Permit> {
        self.permit.get()
    }

    /// Notes the route's template, which is known only inside the router.
    pub(crate) fn note_route(&self, route: Option<&MatchedPath>) {
        if let Some(route) = route {
            let _already_noted = self.route.set(RouteName::of(route));
        }
    }

    /// The name of the route.
    pub(super) fn route(&self) -> RouteName {
        self.route.get().copied().unwrap_or(RouteName::UNKNOWN)
    }

    /// A span for what is logged meanwhile: of the tracer, or of the trace that the request belongs to. With neither
    /// there is none, and it costs none.
    pub(super) fn span(
        &self,
        tracer: Option<&dyn RequestTracer>,
        head: (&Method, &HeaderMap),
    ) -> Span {
        let request_id = tracing::field::display(&self.request_id);
        if let Some(tracer) = tracer {
            let span = tracer.begin(head.0, head.1);
            span.record("request_id", request_id);
            return span;
        }
        match TraceId::of(head.1) {
            Some(trace_id) => tracing::error_span!("request", %trace_id, request_id),
            None => Span::none(),
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

    pub(crate) fn note_tenant(&self, tenant: TenantId) {
        // The tenant is noted once a request, so there is no former one to keep.
        let _already_noted = self.tenant.set(tenant);
    }
}

/// What came of a request.
pub(super) struct Answered<'a> {
    pub(super) method: &'a Method,
    pub(super) status: StatusCode,
    pub(super) error: Option<&'a ApiError>,
    pub(super) took: Duration,
}

impl Answered<'_> {
    /// One line a request: a failure of ours is an error, a refusal is information; a success is in the history already.
    pub(super) fn log(&self, trace: &Trace) {
        let status = self.status;
        let is_refusal = status.is_client_error();
        if !(tracing::enabled!(tracing::Level::DEBUG) || is_refusal || status.is_server_error()) {
            return;
        }
        let Trace { request_id, .. } = trace;
        let (method, route) = (self.method, trace.route().as_str());
        let client_request_id = trace.client_request_id.as_deref();
        let tenant = trace.tenant.get().map(tracing::field::display);
        let rule = self.error.and_then(|error| error.inner_code);
        let micros = u64::try_from(self.took.as_micros()).unwrap_or(u64::MAX);
        let code = status.as_u16();
        if status.is_server_error() {
            let cause = self
                .error
                .and_then(|error| error.cause.as_deref())
                .map(chain);
            tracing::error!(%request_id, client_request_id, tenant, %method, route, status = code, rule, micros, cause, "request failed");
        } else if is_refusal {
            tracing::info!(%request_id, client_request_id, tenant, %method, route, status = code, rule, micros, "request refused");
        } else {
            tracing::debug!(%request_id, client_request_id, tenant, %method, route, status = code, micros, "request");
        }
    }
}

/// The whole chain of causes.
pub(crate) fn chain(error: &(dyn Error + Send + Sync + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
