//! The header Authorization.

use axum::http::{HeaderMap, header};

use crate::error::ApiError;

/// The token of `Authorization: Bearer`, not verified yet.
///
/// # Errors
///
/// 401 without such a header; 400 when there are several, or one with a list of values, as a proxy makes of several.
pub(super) fn bearer_token(headers: &HeaderMap) -> Result<&str, ApiError> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        let message =
            "send Authorization: Bearer and a token; `flowruns token` mints one for the local key";
        return Err(ApiError::unauthorized(message, false));
    };
    if values.next().is_some() {
        return Err(ApiError::repeated_authorization());
    }
    let credentials = value.to_str().ok().and_then(|value| value.split_once(' '));
    let Some((_, token)) = credentials.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
    else {
        let message = "Authorization must be Bearer and a token";
        return Err(ApiError::unauthorized(message, false));
    };
    // No token has a comma (RFC 6750, section 2.1).
    if token.contains(',') {
        return Err(ApiError::repeated_authorization());
    }
    Ok(token.trim())
}
