//! Why a sign-in failed: what the page says to do.

use axum::http::StatusCode;
use flowruns_http::{RequestError, auth::TokenError};

/// Nothing is configured with which people could sign in.
pub(super) fn not_configured() -> RequestError {
    let message = "This server accepts the tokens of an issuer, but nobody has configured how people sign in there. Register this \
         dashboard with the issuer as a web application, with the redirect URI https://<this server>/ui/callback, and set \
         auth.dashboard.client_id, auth.dashboard.client_secret_file, auth.dashboard.scope and dashboard.public_url.";
    RequestError::new(StatusCode::NOT_IMPLEMENTED, "signInNotConfigured", message)
}

/// A session cookie would be readable on its way.
pub(super) fn needs_https() -> RequestError {
    let message = "People can sign in over https only, and this page was requested over http. Use its https address. If a \
         proxy in front of this server ends https, it must send X-Forwarded-Proto, and http.trusted_proxies must name it.";
    RequestError::bad_request("signInNeedsHttps", message)
}

/// The issuer does not respond, or not as it should.
pub(super) fn issuer_unavailable(cause: anyhow::Error) -> RequestError {
    let message = "The issuer, at which you sign in, does not respond as it should at the moment. Nothing is wrong with your \
         account. Try again in a minute; reports are not affected.";
    RequestError::new(StatusCode::SERVICE_UNAVAILABLE, "issuerUnavailable", message)
        .with_retry_after(10)
        .with_cause(cause)
}

/// The issuer rejects what this server asks for. Only an operator can change that.
pub(super) fn rejected_by_issuer(error: &str) -> RequestError {
    let code = known_code(error);
    let message = format!(
        "The issuer did not accept the request of this server ({code}). Tell the operators: they find the details in the log, \
         and should compare auth.dashboard (client_id, client_secret_file, scope) and the redirect URI with the issuer's \
         registration."
    );
    RequestError::new(StatusCode::BAD_GATEWAY, "issuerRejected", message)
        .with_cause(format!("the issuer responded with {code}"))
}

/// A response that does not belong to the issuer to which the browser was sent (RFC 9207).
pub(super) fn wrong_issuer() -> RequestError {
    let message = "This response is not from the issuer to which you were sent, so it was not used. Begin the sign-in again from \
         the dashboard, not from a link that somebody sent you.";
    RequestError::bad_request("wrongIssuer", message)
}

/// An ID token that does not belong to this attempt or this application.
pub(super) fn id_token_rejected(cause: &str) -> RequestError {
    tracing::warn!(cause, "the ID token of a person who signs in was rejected");
    let message = "The issuer's response does not belong to this sign-in, so it was not used. Begin the sign-in again from the \
         dashboard.";
    RequestError::new(StatusCode::FORBIDDEN, "idTokenRejected", message)
}

/// An access token that the API does not accept.
pub(super) fn access_token_rejected(error: TokenError) -> RequestError {
    tracing::warn!(%error, "the access token of a person who signs in was rejected");
    let message = format!(
        "You have signed in, but the API does not accept the access token that the issuer gave for you: {error}. Tell the \
         operators: auth.dashboard.scope must ask for this API, so that the token has its audience, your tenant and your \
         permissions."
    );
    RequestError::new(StatusCode::FORBIDDEN, "accessTokenRejected", message)
}

/// A person without any permission.
pub(super) fn no_permission() -> RequestError {
    let message = "You have signed in, but your account has no permission for this application. Ask its administrators for \
         IndustryData-Run.Read.All (to read), IndustryData-Run.ReadWrite.All (to end runs too) or \
         IndustryData-InboundFlow.ReadWrite.All, then sign in again.";
    RequestError::new(StatusCode::FORBIDDEN, "noPermission", message)
}

/// A token that expires before a page could be shown.
pub(super) fn expires_too_soon() -> RequestError {
    let message = "The issuer gave a token that expires within seconds, so no session can last. Tell the operators: the lifetime \
         of access tokens must be at least some minutes, and the clocks of both servers must agree.";
    RequestError::new(StatusCode::BAD_GATEWAY, "tokenExpiresTooSoon", message)
}

/// Too many attempts from one address.
pub(super) fn too_many(seconds: u32) -> RequestError {
    let message = format!(
        "Too many attempts to sign in came from your network. Wait {seconds} s, then try again."
    );
    RequestError::new(StatusCode::TOO_MANY_REQUESTS, "tooManySignIns", message)
        .with_retry_after(seconds)
}

/// A browser or a scanner that fetches a one-time link in advance: the link must still work afterwards.
pub(super) fn not_fetched_in_advance() -> RequestError {
    let message = "A one-time link cannot be loaded in advance. Open it.";
    RequestError::new(StatusCode::SERVICE_UNAVAILABLE, "notPrefetched", message)
}

/// An error code of the issuer as far as it can be repeated: RFC 6749 and OpenID Connect have names in lower case.
fn known_code(error: &str) -> &str {
    let is_code = (1..=64).contains(&error.len())
        && error.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if is_code { error } else { "an unknown error" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_repeats_error_codes_of_the_standards_and_no_other_text() {
        let message = |error: &str| rejected_by_issuer(error).message.into_string();
        assert!(message("invalid_client").contains("(invalid_client)"));
        let long = "a".repeat(65);
        for hostile in ["<script>", "call this number", "", &long, "invalid\r\nclient"] {
            assert!(message(hostile).contains("(an unknown error)"), "{hostile}");
        }
    }
}
