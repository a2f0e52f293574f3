//! The end of a token, read from its claims. Nothing is verified: the server does that.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::DateTime;
use flowruns_domain::timestamp::Timestamp;
use serde::Deserialize;

#[derive(Deserialize)]
struct Claims {
    exp: f64,
}

/// The claim `exp` of a JWT; `None` for any other token.
pub(super) fn of_jwt(token: &str) -> Option<Timestamp> {
    let mut parts = token.split('.');
    let claims = parts.nth(1)?;
    parts.next()?;
    let claims = URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?;
    let Claims { exp } = serde_json::from_slice(&claims).ok()?;
    let time = DateTime::from_timestamp(exp as i64, 0)?;
    Timestamp::new(time).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_read_from_a_jwt_only() {
        let jwt = |claims: &str| format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(claims));
        let end = |claims: &str| of_jwt(&jwt(claims)).map(|end| end.to_string());
        assert_eq!(end(r#"{"exp":1772353800}"#).unwrap(), "2026-03-01T08:30:00Z");
        assert_eq!(end(r#"{"exp":1772353800.7}"#).unwrap(), "2026-03-01T08:30:00Z");
        for claims in ["{}", r#"{"exp":"soon"}"#, r#"{"exp":1e300}"#, "no JSON"] {
            assert_eq!(end(claims), None, "{claims}");
        }
        for token in ["opaque", "a.b", "a.*.c", ""] {
            assert_eq!(of_jwt(token), None, "{token}");
        }
    }
}
