//! Failures of a request that do not depend on what is stored: media types, Idempotency-Key.

use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};

use super::ApiError;

const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");

impl ApiError {
    /// 406: the client does not accept the media type of the response.
    pub(crate) fn not_acceptable(media_type: &str) -> Self {
        let message =
            format!("the response is {media_type}; send Accept: {media_type}, or leave Accept out");
        Self::new(StatusCode::NOT_ACCEPTABLE, "invalidAcceptType", message)
    }

    /// 415: a body that is not application/json.
    pub(crate) fn unsupported_media_type(method: &Method) -> Self {
        Self::not_plain_json("send Content-Type: application/json", method)
    }

    /// 415: a body with a Content-Encoding.
    pub(crate) fn unsupported_encoding(method: &Method) -> Self {
        let message =
            "a body with a Content-Encoding is not read; send it plain, without that header";
        let error = Self::not_plain_json(message, method).0;
        let identity = HeaderValue::from_static("identity");
        Self(error.with_header(header::ACCEPT_ENCODING, identity))
    }

    fn not_plain_json(message: &str, method: &Method) -> Self {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        let error = Self::new(status, "unsupportedMediaType", message);
        if method != Method::PATCH {
            return error;
        }
        let json = HeaderValue::from_static("application/json");
        Self(error.0.with_header(ACCEPT_PATCH, json))
    }

    /// 400: an Idempotency-Key that cannot be used.
    pub(crate) fn invalid_key() -> Self {
        let message = "Idempotency-Key is sent once, and is 1 to 255 visible ASCII characters";
        Self::bad_request("invalidIdempotencyKey", message).with_target("Idempotency-Key")
    }

    /// 409: the first request with this Idempotency-Key is in flight.
    pub(crate) fn key_in_flight() -> Self {
        let message = "the first request with this Idempotency-Key is still being processed; send it again later for its response";
        Self::new(StatusCode::CONFLICT, "idempotencyKeyUnderWay", message)
            .with_target("Idempotency-Key")
            .with_retry_after(1)
    }

    /// 422: the Idempotency-Key belongs to another request.
    pub(crate) fn key_of_another_request() -> Self {
        let message = "this Idempotency-Key was sent with another route or body; use a new key for a new request";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotencyKeyReused", message)
            .with_target("Idempotency-Key")
    }
}
