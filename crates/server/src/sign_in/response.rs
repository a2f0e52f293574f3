//! The responses of the sign-in: redirects, and the messages of the sign-in page.

use axum::http::{HeaderMap, HeaderValue};
use flowruns_dashboard::{SignInMessage, SignInResponse};
use flowruns_http::RequestOrigin;

use super::{next_path::NextPath, one_time_code::UnusableCode};

// The names of messages in the address of the sign-in page, so that no code stays in the address after a failure.
pub(super) const SIGNED_OUT: &str = "sign-out";
const USED: &str = "used-link";
const TOO_OLD: &str = "old-link";
const INVALID: &str = "invalid-link";
const TOO_MANY: &str = "too-many-links";
pub(super) const LOST: &str = "lost";
pub(super) const DECLINED: &str = "declined";
pub(super) const EXPIRED: &str = "expired";

pub(super) fn message_named(name: &str) -> Option<SignInMessage> {
    match name {
        SIGNED_OUT => Some(SignInMessage::SignedOut),
        USED => Some(SignInMessage::LinkUsed),
        TOO_OLD => Some(SignInMessage::LinkTooOld),
        INVALID => Some(SignInMessage::LinkInvalid),
        TOO_MANY => Some(SignInMessage::TooManyLinks),
        LOST => Some(SignInMessage::StateLost),
        DECLINED => Some(SignInMessage::Declined),
        EXPIRED => Some(SignInMessage::Expired),
        _ => None,
    }
}

/// The name of the message about a one-time link.
pub(super) const fn name_of(unusable: UnusableCode) -> &'static str {
    match unusable {
        UnusableCode::Used => USED,
        UnusableCode::TooOld => TOO_OLD,
        UnusableCode::Invalid => INVALID,
        UnusableCode::TooMany => TOO_MANY,
    }
}

/// 303 to a path below the prefix.
pub(super) fn redirect(
    origin: &RequestOrigin,
    path: &str,
    cookies: Vec<HeaderValue>,
) -> SignInResponse {
    let location = format!("{}{path}", origin.prefix());
    SignInResponse::Redirect { location, cookies, clears_cache: false }
}

pub(super) fn back_to_sign_in(
    origin: &RequestOrigin,
    next: &NextPath,
    message: &str,
    cookies: Vec<HeaderValue>,
) -> SignInResponse {
    let path = format!("/ui/sign-in?after={message}&next={}", encoded(next));
    redirect(origin, &path, cookies)
}

/// An address as the value of a parameter.
pub(super) fn encoded(next: &NextPath) -> String {
    form_urlencoded::byte_serialize(next.as_str().as_bytes()).collect()
}

/// Whether a browser fetches a page before the person has decided to open it.
pub(super) fn is_in_advance(headers: &HeaderMap) -> bool {
    ["sec-purpose", "purpose", "x-purpose", "x-moz"].iter().any(|name| {
        let values = headers.get_all(*name).iter().filter_map(|value| value.to_str().ok());
        values.into_iter().any(|value| {
            let value = value.to_ascii_lowercase();
            value.contains("prefetch") || value.contains("preview") || value.contains("prerender")
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_why_a_code_is_rejected_has_its_message() {
        for (reason, message) in [
            (UnusableCode::Used, SignInMessage::LinkUsed),
            (UnusableCode::TooOld, SignInMessage::LinkTooOld),
            (UnusableCode::Invalid, SignInMessage::LinkInvalid),
            (UnusableCode::TooMany, SignInMessage::TooManyLinks),
        ] {
            assert_eq!(message_named(name_of(reason)), Some(message), "{reason:?}");
        }
    }
}
