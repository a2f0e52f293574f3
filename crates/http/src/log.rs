//! The log line of a request.

use std::time::Duration;

use axum::http::{Method, StatusCode};

use crate::{
    context::RequestContext,
    error::{RequestError, error_chain},
    route_name::RouteName,
};

/// The result of a request, for metrics and the log.
pub(crate) struct RequestSummary<'a> {
    pub(crate) method: &'a Method,
    pub(crate) route: RouteName,
    pub(crate) status: StatusCode,
    pub(crate) error: Option<&'a RequestError>,
    pub(crate) duration: Duration,
}

impl RequestSummary<'_> {
    /// Writes one line: an error for a failure of the server, information for a rejected request, and at the level debug
    /// for a success, which the history of the run has anyway.
    pub(crate) fn log(&self, context: &RequestContext) {
        let status = self.status;
        let is_rejected = status.is_client_error();
        if !(tracing::enabled!(tracing::Level::DEBUG) || is_rejected || status.is_server_error()) {
            return;
        }
        let request_id = context.request_id();
        let (method, route) = (self.method, self.route.as_str());
        let client_request_id = context.client_request_id();
        let tenant = context.tenant().map(tracing::field::display);
        let rule = self.error.map(|error| error.code);
        let micros = u64::try_from(self.duration.as_micros()).unwrap_or(u64::MAX);
        let code = status.as_u16();
        if status.is_server_error() {
            let cause = self.error.and_then(|error| error.cause.as_deref());
            let cause = cause.map(error_chain);
            tracing::error!(%request_id, client_request_id, tenant, %method, route, status = code, rule, micros, cause, "request failed");
        } else if is_rejected {
            tracing::info!(%request_id, client_request_id, tenant, %method, route, status = code, rule, micros, "request rejected");
        } else {
            tracing::debug!(%request_id, client_request_id, tenant, %method, route, status = code, micros, "request");
        }
    }
}
