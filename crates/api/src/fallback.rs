//! What is answered where the URL table has no route, or no such method.

use std::sync::Arc;

use axum::{
    extract::{MatchedPath, Request},
    http::{Method, StatusCode, Uri},
};

use crate::{error::ApiError, observe::Trace};

pub(crate) async fn route_not_found(uri: Uri) -> ApiError {
    let message = format!(
        "there is nothing at {}; runs live at /industryData/incomingFlows/{{id}}/runs",
        uri.path()
    );
    ApiError::new(StatusCode::NOT_FOUND, "routeNotFound", message)
}

pub(crate) async fn method_not_allowed(method: Method, request: Request) -> ApiError {
    if let Some(trace) = request.extensions().get::<Arc<Trace>>() {
        trace.note_route(request.extensions().get::<MatchedPath>());
    }
    let upper = method.as_str().to_ascii_uppercase();
    let message = match method.as_str() == upper {
        true => format!("{method} is not possible here; the header Allow says what is"),
        // Methods are compared with case (RFC 9110, section 9.1).
        false => format!("the method is {method}; send it in upper case: {upper}"),
    };
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "methodNotAllowed", message)
}
