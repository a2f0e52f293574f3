//! Failures of authentication and authorization.

use axum::http::{HeaderValue, StatusCode, header};

use super::RequestError;
use crate::auth::{Permission, TokenError};

impl RequestError {
    /// 401: no bearer token was sent.
    pub(crate) fn missing_token(message: &str) -> Self {
        Self::unauthorized(message).with_challenge("")
    }

    /// A token that was rejected. Where the issuer's keys are unavailable the token may be valid, so the client is told to
    /// try again rather than to get another one.
    pub(crate) fn token_rejected(error: TokenError) -> Self {
        let message = error.to_string();
        match error {
            TokenError::Malformed
            | TokenError::WronglySigned
            | TokenError::WrongIssuer
            | TokenError::WrongAudience
            | TokenError::Expired
            | TokenError::NotYetValid
            | TokenError::NoTenant
            | TokenError::UnusableActor => {
                Self::unauthorized(&message).with_challenge(", error=\"invalid_token\"")
            }
            TokenError::KeysUnavailable => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "issuerUnavailable", message)
                    .with_retry_after(1)
            }
        }
    }

    /// 400: several values of Authorization. Two readers of such a request could believe two different callers, and a new
    /// token would not help: RFC 6750, section 3.1, answers a repeated parameter with 400 `invalid_request`.
    pub(crate) fn repeated_authorization() -> Self {
        let message =
            "Authorization is sent more than once; send one Authorization: Bearer and one token";
        Self::bad_request("invalidAuthorization", message)
            .with_target("Authorization")
            .with_challenge(", error=\"invalid_request\"")
    }

    /// 403: the token lacks this permission.
    pub(crate) fn forbidden(permission: Permission) -> Self {
        let message =
            format!("the token lacks the permission {permission}; ask for one that has it");
        Self::new(StatusCode::FORBIDDEN, "accessDenied", message)
            .with_challenge(&format!(", error=\"insufficient_scope\", scope=\"{permission}\""))
    }

    fn unauthorized(message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "invalidAuthenticationToken", message)
    }

    /// RFC 6750, section 3: the scheme is followed by at least one parameter, so the realm is always sent.
    fn with_challenge(self, parameters: &str) -> Self {
        let challenge = format!("Bearer realm=\"flowruns\"{parameters}");
        match HeaderValue::try_from(challenge) {
            Ok(challenge) => self.with_header(header::WWW_AUTHENTICATE, challenge),
            Err(_) => self,
        }
    }
}
