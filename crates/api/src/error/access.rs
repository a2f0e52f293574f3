//! Who may not: no token, one that is not taken, one that allows too little.

use axum::http::StatusCode;

use super::{ApiError, Hint};
use crate::auth::TokenRefused;

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
            TokenRefused::Invalid
            | TokenRefused::Expired
            | TokenRefused::NotYetValid
            | TokenRefused::NoTenant => Self::unauthorized(&message, true),
            TokenRefused::KeysUnavailable => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "issuerUnavailable",
                message,
            )
            .with_hint(Hint::RetryAfter(1)),
        }
    }

    pub(crate) fn forbidden(permission: &str) -> Self {
        let message =
            format!("the token lacks the permission {permission}; ask for one that has it");
        Self::new(StatusCode::FORBIDDEN, "accessDenied", message)
    }
}
