//! More than is taken: of one caller, or in all.

use std::time::Duration;

use axum::http::StatusCode;
use flowruns_admission::Overloaded;

use super::{ApiError, Hint};

impl ApiError {
    /// The specific code of what is refused since too much is under way.
    pub(crate) const OVERLOADED: &str = "overloaded";

    /// One request too many of this caller.
    pub(crate) fn too_many_requests(wait: Duration) -> Self {
        // Rounded up: who comes a moment too early is refused again.
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let seconds = u32::try_from(seconds).unwrap_or(u32::MAX).max(1);
        let message = format!(
            "this application has sent more requests than it may; send this one again in {seconds} s, and fewer at once"
        );
        Self::new(StatusCode::TOO_MANY_REQUESTS, "tooManyRequests", message)
            .with_hint(Hint::RetryAfter(seconds))
    }

    /// The URL of an item of a batch, longer than that of a request alone may be, in bytes.
    pub(crate) fn uri_too_long(limit: usize) -> Self {
        let message = format!("path and query are over the limit of {limit} bytes; ask for less");
        Self::new(StatusCode::URI_TOO_LONG, "uriTooLong", message).with_target("url")
    }

    /// The answer to an item of a batch, longer than its share, in bytes.
    pub(crate) fn answer_too_long(limit: usize) -> Self {
        let message = format!(
            "the answer is over the {limit} bytes that each request of this batch has; send this one alone, or ask for less"
        );
        Self::bad_request("answerTooLong", message)
    }

    /// The headers of an item of a batch, more or longer than those of a request alone may be.
    pub(crate) fn headers_too_large(headers: usize, bytes: usize) -> Self {
        let message =
            format!("a request has at most {headers} headers of {bytes} bytes in all; send fewer");
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        Self::new(status, "headersTooLarge", message).with_target("headers")
    }

    /// Too much is under way; what ends a run is refused last.
    pub(crate) fn overloaded() -> Self {
        let message =
            "the service takes no more just now, and this was not begun; send it again later";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, Self::OVERLOADED, message)
            .with_hint(Hint::RetryAfter(1))
    }
}

impl From<Overloaded> for ApiError {
    fn from(_: Overloaded) -> Self {
        Self::overloaded()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_to_wait_is_rounded_up_to_whole_seconds() {
        for (millis, shown) in [
            (0, "1"),
            (1, "1"),
            (1000, "1"),
            (1001, "2"),
            (3_600_000, "3600"),
        ] {
            let error = ApiError::too_many_requests(Duration::from_millis(millis));
            let (_, value) = error.hint.header().unwrap();
            assert_eq!(value, shown, "{millis} ms");
        }
    }
}
