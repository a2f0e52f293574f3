//! A failed request: the status and message that the client sees, and the cause that the log shows.
//!
//! The failures that this crate finds itself have their constructors here and in the modules below; a front end adds those of
//! its own operations with [`RequestError::new`].

mod access;
mod overload;

use std::{any::Any, error::Error, sync::Arc};

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use flowruns_domain::text::excerpt_within;

/// The longest message and the longest target, in bytes; a longer one is cut. A message quotes no more than an excerpt of
/// the request, so that its advice is never cut.
const MAX_MESSAGE_BYTES: usize = 2048;
const MAX_TARGET_BYTES: usize = 256;

/// One of several faults of a request.
#[derive(Clone, Debug)]
pub struct ErrorDetail {
    /// The specific code, from a fixed set.
    pub code: &'static str,
    /// What is wrong, and what to send instead.
    pub message: String,
    /// The property, parameter or header at fault.
    pub target: Option<String>,
}

/// A failed request. As a response it has a status and headers; the
/// [pipeline](crate::RequestPipeline) adds the body, in the format of the front end.
#[derive(Debug)]
pub struct RequestError {
    /// The status of the response.
    pub status: StatusCode,
    /// The specific code, from a fixed set: metrics have it as a label.
    pub code: &'static str,
    /// What is wrong, and what the caller can do about it.
    pub message: Box<str>,
    /// The property, parameter or header at fault.
    pub target: Option<Box<str>>,
    /// All faults, where a request has several.
    pub details: Vec<ErrorDetail>,
    /// For the log only: the client never sees it.
    pub cause: Option<Box<dyn Error + Send + Sync>>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl RequestError {
    /// A failure without details. A message of more than 2048 bytes is cut.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: excerpt_within(&message.into(), MAX_MESSAGE_BYTES).into(),
            target: None,
            details: Vec::new(),
            cause: None,
            headers: Vec::new(),
        }
    }

    /// The same failure with a target, which is cut at 256 bytes.
    #[must_use]
    pub fn with_target(mut self, target: impl Into<String>) -> Self {
        self.target = Some(excerpt_within(&target.into(), MAX_TARGET_BYTES).into());
        self
    }

    /// The same failure with a list of faults.
    #[must_use]
    pub fn with_details(self, details: impl IntoIterator<Item = ErrorDetail>) -> Self {
        let details = details.into_iter().collect();
        Self { details, ..self }
    }

    /// The same failure with a cause for the log.
    #[must_use]
    pub fn with_cause(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// The same failure with one more header of the response.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The same failure with the header Retry-After, in seconds.
    #[must_use]
    pub fn with_retry_after(self, seconds: u32) -> Self {
        self.with_header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// 400.
    pub fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// 500: a defect of the server. The client gets no details, the log gets the cause.
    pub fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let message = "the server failed on this request; tell its operators the request-id";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internalServerError", message)
            .with_cause(cause)
    }

    /// 500: a handler panicked with this payload.
    pub fn panicked(payload: &(dyn Any + Send)) -> Self {
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let text = text.unwrap_or("without a message");
        Self::internal(format!("a handler panicked: {text}"))
    }
}

/// Keeps the failure as an extension of the response, from which the pipeline writes the body, counts and logs.
impl IntoResponse for RequestError {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status;
        response.headers_mut().extend(self.headers.iter().cloned());
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

/// An error and all of its sources, for the log.
pub(crate) fn error_chain(error: &(dyn Error + Send + Sync + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
