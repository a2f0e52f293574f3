//! The silent renewal of an expired session: tried once for each session, so that it never becomes a loop.

use axum::http::{HeaderMap, HeaderValue};
use uuid::Uuid;

use super::cookie::{self, Transport};

/// Holds the id of the session for which a renewal was tried, or which came of one. It is not secret and not sealed: who sets it
/// prevents one renewal.
const COOKIE: &str = "flowruns-renewal";
/// How long a session that was tried is not tried again, in seconds.
const TRIED: u32 = 600;
/// A session that a renewal has made and that has expired within this time is not renewed, in seconds: the clocks of two servers
/// may differ by more than the tokens live.
const MADE: u32 = 60;

/// Whether the renewal of this session was not tried before.
pub(super) fn is_untried(session: Uuid, headers: &HeaderMap, transport: Transport) -> bool {
    let name = transport.name(COOKIE);
    let mut tried = cookie::values(headers, &name);
    !tried.any(|value| value.parse() == Ok(session))
}

/// Notes that the renewal of this session is tried.
pub(super) fn tried(session: Uuid, transport: Transport) -> Option<HeaderValue> {
    transport.set(COOKIE, &session.to_string(), Some(TRIED))
}

/// Notes that a renewal has made this session.
pub(super) fn made(session: Uuid, transport: Transport) -> Option<HeaderValue> {
    transport.set(COOKIE, &session.to_string(), Some(MADE))
}

#[cfg(test)]
mod tests {
    use axum::http::header::COOKIE as COOKIE_HEADER;

    use super::*;

    #[test]
    fn a_session_is_renewed_once_and_not_right_after_a_renewal_has_made_it() {
        let (old, new) = (Uuid::from_u128(1), Uuid::from_u128(2));
        for cookie in [tried(old, Transport::Https), made(old, Transport::Https)] {
            let cookie = cookie.unwrap();
            let pair = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
            let pair = HeaderValue::from_str(&pair).unwrap();
            let headers = HeaderMap::from_iter([(COOKIE_HEADER, pair)]);
            assert!(!is_untried(old, &headers, Transport::Https));
            assert!(is_untried(new, &headers, Transport::Https));
        }
        assert!(is_untried(old, &HeaderMap::new(), Transport::Https));
    }
}
