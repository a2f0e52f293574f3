//! Failures of routing: a path without a route, a method that a route does not have, an id of several runs.

use axum::http::{HeaderValue, Method, StatusCode};
use flowruns_domain::{run::RunById, text::excerpt};
use flowruns_http::ErrorDetail;

use super::ApiError;

impl ApiError {
    /// 404: no route has this path.
    pub(crate) fn route_not_found(path: &str) -> Self {
        let message = format!(
            "there is nothing at {}; runs live at /industryData/incomingFlows/{{id}}/runs, and /openapi.json lists every route",
            excerpt(path)
        );
        Self::new(StatusCode::NOT_FOUND, "routeNotFound", message)
    }

    /// 405: the route has other methods, which the header Allow lists.
    pub(crate) fn method_not_allowed(method: &Method, allow: Option<&HeaderValue>) -> Self {
        let allow = allow.and_then(|allow| allow.to_str().ok());
        let allow = allow.unwrap_or_default();
        let is_allowed = |name: &str| allow.split(',').any(|allowed| allowed.trim() == name);
        let sent = excerpt(method.as_str());
        let alternatives = match allow {
            "" => "the header Allow says what is".to_owned(),
            allow => format!("send one of {}", allow.replace(',', ", ")),
        };
        let message = match other_case(method) {
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
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "methodNotAllowed", message)
    }

    /// 409: several flows have a run of this id; `addresses` are those of the runs.
    pub(crate) fn several_runs(addresses: &[String]) -> Self {
        let count = addresses.len();
        let or_more = match count >= usize::from(RunById::MAX_KEYS) {
            true => " or more",
            false => "",
        };
        let message = format!(
            "{count} flows{or_more} have a run of this id; use one of the addresses in details"
        );
        let details = addresses.iter().map(|address| ErrorDetail {
            code: "runAddress",
            message: address.clone(),
            target: Some("id".to_owned()),
        });
        Self::new(StatusCode::CONFLICT, "severalRuns", message)
            .with_target("id")
            .with_details(details)
    }
}

/// The method that a client meant when it sent another case.
fn other_case(method: &Method) -> Option<&'static str> {
    let mut known = ["GET", "HEAD", "POST", "PATCH", "DELETE"].into_iter();
    known.find(|known| *known != method.as_str() && known.eq_ignore_ascii_case(method.as_str()))
}
