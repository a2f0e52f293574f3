//! Every failure's status, code and message: the one place that chooses them.

mod access;
mod conflict;
mod limits;

use std::{error::Error, sync::Arc};

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use flowruns_domain::{
    Fault, Faults, PatchRejected, ServiceError, StoreError, StoreErrorKind, excerpt_of,
};

use crate::auth::Permission;

/// A header that tells the client what to do next.
#[derive(Clone, Copy, Debug)]
enum Hint {
    None,
    /// To try again in so many seconds.
    RetryAfter(u32),
    /// To send a token.
    SendToken,
    /// To get another token.
    RenewToken,
    /// To send JSON without an encoding, of which a PATCH is told more.
    SendJson {
        is_encoded: bool,
        is_patch: bool,
    },
    /// To send one Authorization.
    CorrectRequest,
    /// To get a token with this permission.
    NeedsPermission(Permission),
}

impl Hint {
    fn header(self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Self::None | Self::SendJson { .. } => None,
            Self::RetryAfter(seconds) => Some((header::RETRY_AFTER, HeaderValue::from(seconds))),
            Self::SendToken => challenge(""),
            Self::RenewToken => challenge(", error=\"invalid_token\""),
            Self::CorrectRequest => challenge(", error=\"invalid_request\""),
            Self::NeedsPermission(permission) => challenge(&format!(
                ", error=\"insufficient_scope\", scope=\"{permission}\""
            )),
        }
    }
}

const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");

impl Hint {
    fn headers(self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        let all = match self {
            Self::SendJson {
                is_encoded,
                is_patch,
            } => {
                let identity = (
                    header::ACCEPT_ENCODING,
                    HeaderValue::from_static("identity"),
                );
                let json = (ACCEPT_PATCH, HeaderValue::from_static("application/json"));
                [is_encoded.then_some(identity), is_patch.then_some(json)]
            }
            hint => [hint.header(), None],
        };
        all.into_iter().flatten()
    }
}

/// The longest message and the longest target, in bytes; a longer one is cut. What a message quotes of a request is
/// bounded where it is quoted, so that its advice is kept.
const MAX_MESSAGE_BYTES: usize = 2048;
const MAX_TARGET_BYTES: usize = 256;

/// RFC 6750, section 3: the scheme is followed by at least one parameter, so the realm is always there.
fn challenge(parameters: &str) -> Option<(HeaderName, HeaderValue)> {
    let value = HeaderValue::try_from(format!("Bearer realm=\"flowruns\"{parameters}")).ok()?;
    Some((header::WWW_AUTHENTICATE, value))
}

/// One item of `details`.
#[derive(Clone, Debug)]
pub(crate) struct Detail {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) target: Option<String>,
}

/// A failure as the client shall see it, and its cause as the log shall.
#[derive(Debug)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) inner_code: Option<&'static str>,
    pub(crate) message: String,
    pub(crate) target: Option<String>,
    pub(crate) details: Vec<Detail>,
    hint: Hint,
    pub(crate) cause: Option<Box<dyn Error + Send + Sync>>,
}

impl ApiError {
    pub(crate) fn new(
        status: StatusCode,
        inner_code: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self {
            status,
            inner_code: Some(inner_code),
            message: excerpt_of(&message.into(), MAX_MESSAGE_BYTES).into_owned(),
            target: None,
            details: Vec::new(),
            hint: Hint::None,
            cause: None,
        }
    }

    fn with_hint(self, hint: Hint) -> Self {
        Self { hint, ..self }
    }

    fn with_cause(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    pub(crate) fn with_target(mut self, target: impl Into<String>) -> Self {
        self.target = Some(excerpt_of(&target.into(), MAX_TARGET_BYTES).into_owned());
        self
    }

    pub(crate) fn bad_request(inner_code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, inner_code, message)
    }

    pub(crate) fn not_acceptable(answered: &str) -> Self {
        let message =
            format!("the answer is {answered}; send Accept: {answered}, or leave Accept out");
        Self::new(StatusCode::NOT_ACCEPTABLE, "invalidAcceptType", message)
    }

    pub(crate) fn payload_too_large(limit: usize) -> Self {
        let message =
            format!("the body is over the limit of {limit} bytes; send less in one request");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "bodyTooLarge", message)
    }

    /// A body that is not application/json.
    pub(crate) fn unsupported_media_type(method: &Method) -> Self {
        let message = "send Content-Type: application/json";
        Self::not_plain_json(message, false, method)
    }

    /// A body with a Content-Encoding.
    pub(crate) fn unsupported_encoding(method: &Method) -> Self {
        let message =
            "a body with a Content-Encoding is not read; send it plain, without that header";
        Self::not_plain_json(message, true, method)
    }

    fn not_plain_json(message: &str, is_encoded: bool, method: &Method) -> Self {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        Self::new(status, "unsupportedMediaType", message).with_hint(Hint::SendJson {
            is_encoded,
            is_patch: method == Method::PATCH,
        })
    }

    pub(crate) fn invalid_key() -> Self {
        let message = "Idempotency-Key is sent once, and is 1 to 255 visible ASCII characters";
        Self::bad_request("invalidIdempotencyKey", message).with_target("Idempotency-Key")
    }

    pub(crate) fn key_under_way() -> Self {
        let message = "the first request with this Idempotency-Key is still being processed; send it again later for its response";
        Self::new(StatusCode::CONFLICT, "idempotencyKeyUnderWay", message)
            .with_target("Idempotency-Key")
            .with_hint(Hint::RetryAfter(1))
    }

    pub(crate) fn key_of_another_request() -> Self {
        let message = "this Idempotency-Key was sent with another route or body; use a new key for a new request";
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotencyKeyReused",
            message,
        )
        .with_target("Idempotency-Key")
    }

    pub(crate) fn timed_out() -> Self {
        let message = "the request took too long; whether it was carried out is not known, so read before you repeat";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "requestTimeout", message)
            .with_hint(Hint::RetryAfter(1))
    }

    pub(crate) fn body_too_slow() -> Self {
        let message = "the body did not come in time, so nothing was done; send it again";
        Self::new(StatusCode::REQUEST_TIMEOUT, "bodyTooSlow", message)
    }

    /// An item of a batch whose dependency failed.
    pub(crate) fn failed_dependency() -> Self {
        let message = "a request that this one depends on failed, so this one was not begun";
        Self::new(StatusCode::FAILED_DEPENDENCY, "dependencyFailed", message)
    }

    pub(crate) fn panicked(panic: String) -> Self {
        Self::internal(panic)
    }

    /// An answer that could not be written.
    pub(crate) fn unwritable(cause: serde_json::Error) -> Self {
        Self::internal(cause)
    }

    /// A defect of ours.
    pub(crate) fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let message = "the server failed on this request; tell its operators the request-id";
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internalServerError",
            message,
        )
        .with_cause(cause)
    }

    /// `error.code`: the status phrase in camelCase.
    pub(crate) fn code(&self) -> &'static str {
        match self.status {
            StatusCode::BAD_REQUEST => "badRequest",
            StatusCode::UNAUTHORIZED => "unauthorized",
            StatusCode::FORBIDDEN => "forbidden",
            StatusCode::NOT_FOUND => "notFound",
            StatusCode::METHOD_NOT_ALLOWED => "methodNotAllowed",
            StatusCode::NOT_ACCEPTABLE => "notAcceptable",
            StatusCode::REQUEST_TIMEOUT => "requestTimeout",
            StatusCode::CONFLICT => "conflict",
            StatusCode::PRECONDITION_FAILED => "preconditionFailed",
            StatusCode::PAYLOAD_TOO_LARGE => "payloadTooLarge",
            StatusCode::URI_TOO_LONG => "uriTooLong",
            StatusCode::UNSUPPORTED_MEDIA_TYPE => "unsupportedMediaType",
            StatusCode::FAILED_DEPENDENCY => "failedDependency",
            StatusCode::UNPROCESSABLE_ENTITY => "unprocessableEntity",
            StatusCode::PRECONDITION_REQUIRED => "preconditionRequired",
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => "requestHeaderFieldsTooLarge",
            StatusCode::TOO_MANY_REQUESTS => "tooManyRequests",
            StatusCode::SERVICE_UNAVAILABLE => "serviceUnavailable",
            _ => "internalServerError",
        }
    }
}

impl From<Vec<Fault>> for ApiError {
    fn from(collected: Vec<Fault>) -> Self {
        // Bounded where they are collected; here once more, for those of several collections.
        let mut faults = Faults::default();
        faults.extend(collected);
        let faults = faults.into_vec();
        let details = faults.iter().map(|fault| Detail {
            code: fault.rule.code(),
            message: fault.message.clone(),
            target: Some(fault.target.clone()).filter(|target| !target.is_empty()),
        });
        let details = details.collect();
        let Some(first) = faults.into_iter().next() else {
            return Self::internal("a refusal without a fault");
        };
        Self {
            details,
            ..Self::bad_request(first.rule.code(), first.message).with_target(first.target)
        }
    }
}

impl From<PatchRejected> for ApiError {
    fn from(rejected: PatchRejected) -> Self {
        let message = rejected.to_string();
        match rejected {
            PatchRejected::Invalid(faults) => faults.into(),
            PatchRejected::PreconditionRequired => Self::new(
                StatusCode::PRECONDITION_REQUIRED,
                "preconditionRequired",
                message,
            ),
            PatchRejected::PreconditionFailed => Self::new(
                StatusCode::PRECONDITION_FAILED,
                "entityTagDoesNotMatch",
                message,
            ),
            PatchRejected::VersionExcluded => {
                Self::new(StatusCode::PRECONDITION_FAILED, "entityTagMatches", message)
            }
            PatchRejected::Conflict(conflict) => conflict.into(),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let unavailable = |code, message: &str| {
            Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message).with_hint(Hint::RetryAfter(1))
        };
        match error.kind {
            StoreErrorKind::Unavailable => unavailable(
                "databaseUnavailable",
                "the database is away or too slow; try again later, and after a write read first whether it was carried out",
            )
            .with_cause(error),
            StoreErrorKind::Contention => unavailable(
                "contention",
                "too many requests change this run at once; try again",
            )
            .with_cause(error),
            StoreErrorKind::Overloaded => Self::overloaded().with_cause(error),
            StoreErrorKind::Conflict(_)
            | StoreErrorKind::Corrupt { .. }
            | StoreErrorKind::Internal => Self::internal(error),
        }
    }
}

impl From<ServiceError> for ApiError {
    fn from(error: ServiceError) -> Self {
        let message = error.to_string();
        match error {
            ServiceError::FlowNotFound => Self::new(StatusCode::NOT_FOUND, "flowNotFound", message),
            ServiceError::RunNotFound => Self::new(StatusCode::NOT_FOUND, "runNotFound", message),
            ServiceError::Rejected(rejected) => rejected.into(),
            ServiceError::IdTaken { differing, .. } => Self::id_taken(message, &differing),
            ServiceError::IdDeleted(_) => Self::id_taken(message, &[]),
            ServiceError::FlowHasRuns => Self::new(StatusCode::CONFLICT, "flowHasRuns", message),
            ServiceError::UnsupportedQuery(_) => {
                Self::new(StatusCode::BAD_REQUEST, "queryNotOffered", message)
            }
            ServiceError::Store(error) => error.into(),
        }
    }
}

/// Leaves the body to `observe`, which knows the request-id.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status;
        for (name, value) in self.hint.headers() {
            response.headers_mut().insert(name, value);
        }
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}
