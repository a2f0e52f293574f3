//! What is answered where the URL table has no route, or no such method.

use std::sync::Arc;

use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderValue, Method, StatusCode},
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
    not_allowed(&method, None)
}

/// A method that a route does not have. The router adds the header Allow after [`method_not_allowed`], so that only
/// `observe` knows what is allowed.
pub(crate) fn not_allowed(method: &Method, allow: Option<&HeaderValue>) -> ApiError {
    let allow = allow.and_then(|allow| allow.to_str().ok());
    let allow = allow.unwrap_or_default();
    let is_allowed = |name: &str| allow.split(',').any(|allowed| allowed.trim() == name);
    let sent = excerpt(method.as_str());
    let alternatives = match allow {
        "" => "the header Allow says what is".to_owned(),
        allow => format!("send one of {}", allow.replace(',', ", ")),
    };
    let message = match meant(method) {
        Some(upper_case) if is_allowed(upper_case) => {
            format!("methods are in upper case; send {upper_case} instead of {sent}")
        }
        Some(upper_case) => format!(
            "methods are in upper case, and {upper_case} is not possible here; {alternatives}"
        ),
        None if method == Method::POST && is_allowed("PATCH") => format!(
            "POST is not possible here, whatever X-HTTP-Method-Override says; {alternatives}; a client that cannot send PATCH \
             sends it with POST /$batch, as an item whose method is PATCH"
        ),
        None => format!("{sent} is not possible here; {alternatives}"),
    };
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "methodNotAllowed", message)
}

/// The method that was meant by one in another case.
fn meant(method: &Method) -> Option<&'static str> {
    let mut known = ["GET", "HEAD", "POST", "PATCH", "DELETE"].into_iter();
    known.find(|known| *known != method.as_str() && known.eq_ignore_ascii_case(method.as_str()))
}
