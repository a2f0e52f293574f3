//! The format of responses: failures are pages, and every response has the headers of the policy.

use axum::http::{HeaderMap, HeaderValue};
use flowruns_domain::timestamp::Timestamp;
use flowruns_http::{ErrorBody, RequestContext, RequestError, ResponseFormat};
use uuid::Uuid;

use crate::{
    context::{CONTEXT, PageContext, Representation},
    pages::problem,
    policy,
    problem::Explanation,
};

pub(crate) const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The format of the pages.
pub(crate) struct PageFormat {
    pub(crate) version: &'static str,
}

impl ResponseFormat for PageFormat {
    /// The page of a failure that no handler has made a page of: a panic, a time-out.
    fn error_body(
        &self,
        error: &RequestError,
        context: &RequestContext,
        _now: Timestamp,
    ) -> ErrorBody {
        let explanation = Explanation::of(error);
        let body = CONTEXT.try_with(|page| {
            error_body((error, &explanation), page, (context.request_id(), self.version))
        });
        body.unwrap_or_else(|_outside_of_a_request| ErrorBody {
            content_type: HeaderValue::from_static("text/plain; charset=utf-8"),
            bytes: error.message.as_bytes().to_vec(),
        })
    }

    fn add_headers(&self, headers: &mut HeaderMap) {
        policy::add_headers(headers);
    }
}

/// A failure in the representation that was asked for.
pub(crate) fn error_body(
    (error, explanation): (&RequestError, &Explanation),
    page: &PageContext,
    (request, version): (Uuid, &'static str),
) -> ErrorBody {
    match page.representation {
        Representation::Html => {
            let page = problem::page(error, explanation, page, (request, version));
            ErrorBody { content_type: HTML, bytes: page.into_string().into_bytes() }
        }
        Representation::Json => {
            let body = problem::ErrorObject::new(error, explanation, request);
            // Text can always be written.
            ErrorBody { content_type: JSON, bytes: serde_json::to_vec(&body).unwrap_or_default() }
        }
    }
}
