//! What is answered where the URL table has no route, or no such method.

use std::sync::Arc;

use axum::{
    extract::{MatchedPath, Request},
    http::{Method, StatusCode},
};

use flowruns_domain::excerpt;

use crate::{error::ApiError, observe::Trace, odata::key_path::SentPath};

pub(crate) async fn route_not_found(request: Request) -> ApiError {
    let sent = request.extensions().get::<SentPath>();
    not_found(sent.map_or(request.uri().path(), |sent| sent.0.as_str()))
}

/// Nothing has this path.
pub(crate) fn not_found(path: &str) -> ApiError {
    let message = format!(
        "there is nothing at {}; runs live at /industryData/incomingFlows/{{id}}/runs, and /openapi.json lists every route",
        excerpt(path)
    );
    ApiError::new(StatusCode::NOT_FOUND, "routeNotFound", message)
}

pub(crate) async fn method_not_allowed(method: Method, request: Request) -> ApiError {
    if let Some(trace) = request.extensions().get::<Arc<Trace>>() {
        trace.note_route(request.extensions().get::<MatchedPath>());
    }
    let sent = excerpt(method.as_str());
    let message = match allowed(&method) {
        Some(upper_case) => {
            format!("methods are in upper case; send {upper_case} instead of {sent}")
        }
        None => format!("{sent} is not possible here; the header Allow says what is"),
    };
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "methodNotAllowed", message)
}

/// The method that was meant by one in another case.
fn allowed(method: &Method) -> Option<&'static str> {
    let mut known = ["GET", "HEAD", "POST", "PATCH", "DELETE"].into_iter();
    known.find(|known| *known != method.as_str() && known.eq_ignore_ascii_case(method.as_str()))
}
