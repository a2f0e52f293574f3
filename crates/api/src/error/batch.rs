//! Failures of the items of a batch.

use axum::http::StatusCode;
use flowruns_http::HeadLimits;

use super::ApiError;

impl ApiError {
    /// 424: an item that this one depends on failed.
    pub(crate) fn failed_dependency() -> Self {
        let message = "a request that this one depends on failed, so this one was not begun";
        Self::new(StatusCode::FAILED_DEPENDENCY, "dependencyFailed", message)
    }

    /// 414: the URL of an item is longer than that of a separate request may be, in bytes.
    pub(crate) fn uri_too_long(limit: usize) -> Self {
        let message = format!("path and query are over the limit of {limit} bytes; ask for less");
        Self::new(StatusCode::URI_TOO_LONG, "uriTooLong", message).with_target("url")
    }

    /// 431: an item has more or longer headers than a separate request may have.
    pub(crate) fn headers_too_large(limits: HeadLimits) -> Self {
        let (headers, bytes) = (limits.headers, limits.header_bytes);
        let message =
            format!("a request has at most {headers} headers of {bytes} bytes in all; send fewer");
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        Self::new(status, "headersTooLarge", message).with_target("headers")
    }

    /// 400: the response to an item is longer than its share of the batch, in bytes.
    pub(crate) fn response_too_long(limit: usize) -> Self {
        let message = format!(
            "the response is over the {limit} bytes that each request of this batch has; send this one alone, or ask for less"
        );
        Self::bad_request("answerTooLong", message)
    }
}
