//! `$count=true` and `/$count`

use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::Response,
};
use flowruns_domain::query::{Count, CountLimit};

use crate::error::ApiError;

const PLAIN_TEXT: HeaderValue = HeaderValue::from_static("text/plain;charset=utf-8");

/// `@odata.count`, or if it is unknown the number of rows beyond which nothing is counted.
pub(crate) fn annotations(count: Option<Count>, limit: CountLimit) -> (Option<u64>, Option<u32>) {
    match count {
        None => (None, None),
        Some(Count::Exactly(number)) => (Some(number), None),
        Some(Count::Unknown) => (None, Some(limit.rows())),
    }
}

/// The response to `/$count`. `bounded` is an example of a query that can be counted, for the message of one that cannot.
pub(crate) fn plain(count: Count, limit: CountLimit, bounded: &str) -> Result<Response, ApiError> {
    let Count::Exactly(number) = count else {
        let message = format!(
            "more than {} rows, or more time than a query has, would be needed to count these; count fewer at once, such as \
             by {bounded}",
            limit.rows()
        );
        return Err(ApiError::bad_request("countNotBounded", message).with_target("$filter"));
    };
    let mut response = Response::new(Body::from(number.to_string()));
    response.headers_mut().insert(header::CONTENT_TYPE, PLAIN_TEXT);
    Ok(response)
}
