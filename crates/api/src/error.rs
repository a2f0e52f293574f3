//! The status, code and message of every failure of this API: the one place that chooses them. Failures of authentication,
//! load and time have theirs in [`flowruns_http`].

mod batch;
mod conflict;
mod request;
mod route;

use std::error::Error;

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use flowruns_domain::{
    rejection::Rejection,
    service::ServiceError,
    store::{StoreError, StoreErrorKind},
    violation::{RuleViolation, Violations},
};
use flowruns_http::{ErrorDetail, Overloaded, RequestError};

/// A failed request of this API.
#[derive(Debug)]
pub(crate) struct ApiError(pub(crate) RequestError);

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self(RequestError::new(status, code, message))
    }

    pub(crate) fn with_target(self, target: impl Into<String>) -> Self {
        Self(self.0.with_target(target))
    }

    fn with_details(self, details: impl IntoIterator<Item = ErrorDetail>) -> Self {
        Self(self.0.with_details(details))
    }

    fn with_cause(self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(self.0.with_cause(cause))
    }

    fn with_retry_after(self, seconds: u32) -> Self {
        Self(self.0.with_retry_after(seconds))
    }

    pub(crate) fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self(RequestError::bad_request(code, message))
    }

    /// A defect of the server.
    pub(crate) fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(RequestError::internal(cause))
    }
}

impl From<RequestError> for ApiError {
    fn from(error: RequestError) -> Self {
        Self(error)
    }
}

impl From<Overloaded> for ApiError {
    fn from(error: Overloaded) -> Self {
        Self(error.into())
    }
}

/// The pipeline writes the body.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

impl From<Vec<RuleViolation>> for ApiError {
    fn from(collected: Vec<RuleViolation>) -> Self {
        // The number is limited where violations are collected; here again, for violations of several collections.
        let mut violations = Violations::default();
        violations.extend(collected);
        let violations = violations.into_vec();
        let details = violations.iter().map(|violation| ErrorDetail {
            code: violation.rule.code(),
            message: violation.message.clone(),
            target: Some(violation.target.clone()).filter(|target| !target.is_empty()),
        });
        let details: Vec<_> = details.collect();
        let Some(first) = violations.into_iter().next() else {
            return Self::internal("a rejected request without a violation");
        };
        Self::bad_request(first.rule.code(), first.message)
            .with_target(first.target)
            .with_details(details)
    }
}

impl From<Rejection> for ApiError {
    fn from(rejected: Rejection) -> Self {
        let message = rejected.to_string();
        match rejected {
            Rejection::Invalid(violations) => violations.into(),
            Rejection::PreconditionRequired => {
                Self::new(StatusCode::PRECONDITION_REQUIRED, "preconditionRequired", message)
            }
            Rejection::PreconditionFailed => {
                Self::new(StatusCode::PRECONDITION_FAILED, "entityTagDoesNotMatch", message)
            }
            Rejection::VersionExcluded => {
                Self::new(StatusCode::PRECONDITION_FAILED, "entityTagMatches", message)
            }
            Rejection::Conflict(conflict) => conflict.into(),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let unavailable = |code, message: &str| {
            Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message).with_retry_after(1)
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
            StoreErrorKind::Overloaded => Self(RequestError::overloaded()).with_cause(error),
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
            ServiceError::IdInUse { differing, .. } => Self::id_taken(message, &differing),
            ServiceError::IdDeleted(_) => Self::id_taken(message, &[]),
            ServiceError::FlowHasRuns => Self::new(StatusCode::CONFLICT, "flowHasRuns", message),
            ServiceError::UnsupportedQuery(_) => {
                Self::new(StatusCode::BAD_REQUEST, "queryNotOffered", message)
            }
            ServiceError::Store(error) => error.into(),
        }
    }
}
