//! `$count=true` and `/$count`

use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::Response,
};
use flowruns_domain::{Count, SCAN_LIMIT};

use crate::error::ApiError;

const PLAIN_TEXT: HeaderValue = HeaderValue::from_static("text/plain;charset=utf-8");

/// `@odata.count`, or where it is not known the number that it takes too many rows to count.
pub(crate) fn shown(count: Option<Count>) -> (Option<u64>, Option<usize>) {
    match count {
        None => (None, None),
        Some(Count::Exactly(number)) => (Some(number), None),
        Some(Count::Unknown) => (None, Some(SCAN_LIMIT)),
    }
}

/// The answer of `/$count`.
pub(crate) fn plain(count: Count) -> Result<Response, ApiError> {
    let Count::Exactly(number) = count else {
        let message = format!(
            "more than {SCAN_LIMIT} rows would have to be counted; ask for fewer, such as by \
             $filter=startDateTime ge 2026-03-01T00:00:00Z"
        );
        return Err(ApiError::bad_request("countNotBounded", message));
    };
    let mut response = Response::new(Body::from(number.to_string()));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, PLAIN_TEXT);
    Ok(response)
}
