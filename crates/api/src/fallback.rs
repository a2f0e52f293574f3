//! What is answered where the URL table has no route, or no such method.

use std::sync::Arc;

use axum::{
    extract::{MatchedPath, Request},
    http::{Method, StatusCode, Uri},
};

use flowruns_domain::excerpt;

use crate::{error::ApiError, observe::Trace};

pub(crate) async fn route_not_found(uri: Uri) -> ApiError {
    let message = format!(
        "there is nothing at {}; runs live at /industryData/incomingFlows/{{id}}/runs",
        excerpt(uri.path())
    );
    ApiError::new(StatusCode::NOT_FOUND, "routeNotFound", message)
}

pub(crate) async fn method_not_allowed(method: Method, request: Request) -> ApiError {
    if let Some(trace) = request.extensions().get::<Arc<Trace>>() {
        trace.note_route(request.extensions().get::<MatchedPath>());
    }
    let message = format!(
        "{} is not possible here; the header Allow says what is",
        excerpt(method.as_str())
    );
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "methodNotAllowed", message)
}
