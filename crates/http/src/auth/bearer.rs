//! The header Authorization.

use axum::http::{HeaderMap, header};

use crate::error::RequestError;

/// The token of `Authorization: Bearer`, not verified yet.
///
/// # Errors
///
/// 401 without such a header; 400 when there are several, or one with a list of values, as a proxy makes of several headers.
pub(super) fn bearer_token(headers: &HeaderMap) -> Result<&str, RequestError> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        let message = "send Authorization: Bearer and a token of the issuer that this server is configured for; only where it \
             has none, `flowruns token` mints one with the local key";
        return Err(RequestError::missing_token(message));
    };
    if values.next().is_some() {
        return Err(RequestError::repeated_authorization());
    }
    let credentials = value.to_str().ok().and_then(|value| value.split_once(' '));
    let Some((_, token)) = credentials.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
    else {
        let message = "Authorization must be Bearer and a token";
        return Err(RequestError::missing_token(message));
    };
    // A token is long, so its characters are searched once in the usual case.
    if token.as_bytes().contains(&b',') && token.split(',').skip(1).any(has_scheme) {
        return Err(RequestError::repeated_authorization());
    }
    Ok(token.trim())
}

/// Whether the text after a comma is another `Bearer x`. Any other comma is part of a malformed token.
fn has_scheme(credentials: &str) -> bool {
    let scheme = credentials.trim_start().split_once(' ');
    scheme.is_some_and(|(scheme, _)| scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}
