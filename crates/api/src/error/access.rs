//! Who may not: no token, one that is not taken, one that allows too little.

use axum::http::StatusCode;

use super::{ApiError, Hint};
use crate::auth::{Permission, TokenRefused};

impl ApiError {
    pub(crate) fn unauthorized(message: &str, token_was_sent: bool) -> Self {
        let hint = if token_was_sent {
            Hint::RenewToken
        } else {
            Hint::SendToken
        };
        Self::new(
            StatusCode::UNAUTHORIZED,
            "invalidAuthenticationToken",
            message,
        )
        .with_hint(hint)
    }

    /// A token that was sent and not taken. Where the issuer's keys are away the token may be good, so the client shall
    /// try again rather than give up.
    pub(crate) fn token_refused(refused: TokenRefused) -> Self {
        let message = refused.to_string();
        match refused {
            TokenRefused::Malformed
            | TokenRefused::WronglySigned
            | TokenRefused::WrongIssuer
            | TokenRefused::WrongAudience
            | TokenRefused::Expired
            | TokenRefused::NotYetValid
            | TokenRefused::NoTenant
            | TokenRefused::UnusableActor => Self::unauthorized(&message, true),
            TokenRefused::KeysUnavailable => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "issuerUnavailable",
                message,
            )
            .with_hint(Hint::RetryAfter(1)),
        }
    }

    /// Several values of Authorization. Two readers of such a request could believe two different callers, and a new token
    /// would not help: RFC 6750, section 3.1, answers a repeated parameter with 400 `invalid_request`.
    pub(crate) fn repeated_authorization() -> Self {
        let message =
            "Authorization is sent more than once; send one Authorization: Bearer and one token";
        Self::bad_request("invalidAuthorization", message)
            .with_target("Authorization")
            .with_hint(Hint::CorrectRequest)
    }

    pub(crate) fn forbidden(permission: Permission) -> Self {
        let message =
            format!("the token lacks the permission {permission}; ask for one that has it");
        Self::new(StatusCode::FORBIDDEN, "accessDenied", message)
            .with_hint(Hint::NeedsPermission(permission))
    }
}
