//! Failures of size, time and load: a request that is too large, too slow, or too many.

use std::time::Duration;

use axum::http::StatusCode;
use flowruns_admission::Overloaded;

use super::RequestError;

impl RequestError {
    /// The code of a request that was rejected because too much is in progress.
    pub const OVERLOADED: &str = "overloaded";

    /// 503: too much is in progress. Reports that end a run are rejected last.
    pub fn overloaded() -> Self {
        let message =
            "the service takes no more just now, and this was not begun; send it again later";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, Self::OVERLOADED, message).with_retry_after(1)
    }

    /// 429: the caller has sent more than its rate allows, and may send the next request after `wait`.
    pub fn too_many_requests(wait: Duration) -> Self {
        // Rounded up: a client that comes a moment too early is rejected again.
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let seconds = u32::try_from(seconds).unwrap_or(u32::MAX).max(1);
        let message = format!(
            "this application has sent more requests than it may; send this one again in {seconds} s, and fewer at once"
        );
        Self::new(StatusCode::TOO_MANY_REQUESTS, "tooManyRequests", message)
            .with_retry_after(seconds)
    }

    /// 503: the request was not finished before its deadline.
    pub fn timed_out() -> Self {
        let message = "the request took too long; whether it was carried out is not known, so read before you repeat";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "requestTimeout", message).with_retry_after(1)
    }

    /// 413: the body is longer than `limit` bytes.
    pub fn body_too_large(limit: usize) -> Self {
        let message =
            format!("the body is over the limit of {limit} bytes; send less in one request");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "bodyTooLarge", message)
    }

    /// 408: the body did not arrive in time.
    pub(crate) fn body_too_slow() -> Self {
        let message = "the body did not come in time, so nothing was done; send it again";
        Self::new(StatusCode::REQUEST_TIMEOUT, "bodyTooSlow", message)
    }

    /// 400: the body ended early, or its chunks break HTTP.
    pub(crate) fn incomplete_body(has_malformed_framing: bool) -> Self {
        let message = match has_malformed_framing {
            true => {
                "the chunks of the body are malformed; send each as its length in hexadecimal, CRLF, that many bytes and CRLF, \
                 or send Content-Length instead of Transfer-Encoding"
            }
            false => "the body ended early; send it again",
        };
        Self::bad_request("incompleteBody", message)
    }
}

impl From<Overloaded> for RequestError {
    fn from(_: Overloaded) -> Self {
        Self::overloaded()
    }
}

#[cfg(test)]
mod tests {
    use axum::{http::header, response::IntoResponse as _};

    use super::*;

    #[test]
    fn the_time_to_wait_is_rounded_up_to_whole_seconds() {
        for (millis, shown) in [(0, "1"), (1, "1"), (1000, "1"), (1001, "2"), (3_600_000, "3600")] {
            let error = RequestError::too_many_requests(Duration::from_millis(millis));
            let response = error.into_response();
            assert_eq!(response.headers()[header::RETRY_AFTER], shown, "{millis} ms");
        }
    }
}
