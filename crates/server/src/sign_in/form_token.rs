//! The token that the forms of a session carry against cross-site request forgery.

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Uuid;

use crate::shared_secret::SharedSecret;

const LABEL: &str = "flowruns form 1";

/// Makes and checks form tokens. A token is the signature of the id of its session: no other session's forms have it, and it
/// is the same on every server and every page.
pub(super) struct FormTokens(hmac::Key);

impl FormTokens {
    pub(super) fn new(secret: &SharedSecret) -> anyhow::Result<Self> {
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &secret.key_for(LABEL)?)))
    }

    pub(super) fn of(&self, session: Uuid) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.0, session.as_bytes()))
    }

    /// Compares in constant time.
    pub(super) fn is_of(&self, session: Uuid, token: &str) -> bool {
        let sent = URL_SAFE_NO_PAD.decode(token);
        sent.is_ok_and(|sent| hmac::verify(&self.0, session.as_bytes(), &sent).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_token_is_valid_for_its_session_and_its_secret_only() {
        let tokens = |secret: &[u8]| FormTokens::new(&SharedSecret::new(secret.to_vec())).unwrap();
        let (ours, others) = (tokens(b"secret"), tokens(b"another"));
        let (session, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let token = ours.of(session);
        assert!(ours.is_of(session, &token));
        assert!(!ours.is_of(other, &token));
        assert!(!others.is_of(session, &token));
        for index in 0..token.len() {
            let mut changed = token.clone();
            let byte = if token.as_bytes()[index] == b'A' { "B" } else { "A" };
            changed.replace_range(index..=index, byte);
            assert!(!ours.is_of(session, &changed), "{changed}");
            assert!(!ours.is_of(session, &token[..index]));
        }
    }
}
