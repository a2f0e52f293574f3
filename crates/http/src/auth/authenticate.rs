//! The caller of a request, and whether it may make it.

use std::sync::Arc;

use axum::http::request::Parts;

use super::{Caller, Permission, TokenError, TokenVerifier, bearer::bearer_token};
use crate::{connection::ConnectionAuthentication, context::RequestContext, error::RequestError};

const TOKENS_REJECTED: &str = "flowruns_tokens_refused_total";

/// Verifies the bearer token of a request, and notes the tenant of its caller. Without a permission any token is accepted.
///
/// # Errors
///
/// 400 when Authorization is ambiguous, 401 without a valid token, 403 when the token lacks the permission, 503 when the
/// keys of its issuer are unavailable.
pub async fn authenticate(
    verifier: &TokenVerifier,
    parts: &Parts,
    permission: Option<Permission>,
    context: &RequestContext,
) -> Result<Arc<Caller>, RequestError> {
    let token = bearer_token(&parts.headers).inspect_err(|_| count("missing"))?;
    let caller = verifier.verify(token).await.map_err(|error| {
        count(reason(error));
        RequestError::token_rejected(error)
    })?;
    context.note_tenant(caller.tenant);
    if let Some(permission) = permission
        && !caller.may(permission)
    {
        count("permission");
        return Err(RequestError::forbidden(permission));
    }
    if let Some(connection) = parts.extensions.get::<ConnectionAuthentication>() {
        connection.confirm();
    }
    Ok(caller)
}

/// Describes the metric of rejected callers.
pub(crate) fn describe_metrics() {
    metrics::describe_counter!(TOKENS_REJECTED, "Callers that were rejected, by the reason.");
}

fn count(reason: &'static str) {
    metrics::counter!(TOKENS_REJECTED, "reason" => reason).increment(1);
}

/// The label of a rejected token.
const fn reason(error: TokenError) -> &'static str {
    match error {
        TokenError::Malformed
        | TokenError::WronglySigned
        | TokenError::WrongIssuer
        | TokenError::WrongAudience => "invalid",
        TokenError::Expired => "expired",
        TokenError::NotYetValid => "notYetValid",
        TokenError::NoTenant => "noTenant",
        TokenError::UnusableActor => "unusableActor",
        TokenError::KeysUnavailable => "keysUnavailable",
    }
}
