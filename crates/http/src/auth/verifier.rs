//! Verifies bearer tokens: signature, algorithm, issuer, audience, times, tenant.

use std::sync::Arc;

use jsonwebtoken::{
    TokenData, Validation, dangerous::insecure_decode, decode, get_current_timestamp,
};
use serde::de::DeserializeOwned;

use super::{
    caller::{Caller, Claims},
    issuer::{Issuer, TokenPolicy, named},
    key::{Key, MAX_KID_BYTES},
    key_set::KeySet,
    token_cache::TokenCache,
    token_error::{TokenError, VerificationError},
};

/// The longest token, in bytes; a longer one is rejected unread.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// Verifies tokens of some issuers. A token is verified once, and remembered until it expires or its issuer's keys change.
pub struct TokenVerifier {
    issuers: Vec<Issuer>,
    cache: TokenCache,
}

/// The unverified content of a token: it decides where to look for the key and nothing else.
struct Unverified {
    kid: String,
    claims: Claims,
}

/// The claims of a token whose signature was verified, and by what.
struct Verified<'a, C> {
    issuer: &'a Issuer,
    keys: Arc<KeySet>,
    claims: C,
}

impl TokenVerifier {
    /// A verifier for one issuer whose keys never change.
    pub fn new(keys: KeySet, policy: TokenPolicy) -> Self {
        Self::of_issuers(vec![Issuer::with_fixed_keys(policy, keys)])
    }

    /// A verifier for several issuers; the first one that matches a token is used.
    pub fn of_issuers(issuers: Vec<Issuer>) -> Self {
        Self { issuers, cache: TokenCache::new() }
    }

    /// Verifies a token. It waits only if the token names an unknown key and the issuer must be asked for it.
    ///
    /// # Errors
    ///
    /// [`TokenError`]; the log says more, at the level debug.
    pub async fn verify(&self, token: &str) -> Result<Arc<Caller>, TokenError> {
        if let Some(caller) = self.cache.caller(token, get_current_timestamp()) {
            return Ok(caller);
        }
        // Boxed, so that the future of a request with a known token stays small.
        let verified = Box::pin(self.verify_uncached(token)).await;
        verified.map_err(|error| {
            tracing::debug!(reason = %error, "a token was rejected");
            error.public()
        })
    }

    /// Verifies a token that is not for the API but for another audience, such as an ID token for the application that signs
    /// people in: signature, issuer, audience and times. Returns its claims. It is not remembered.
    ///
    /// # Errors
    ///
    /// As [`Self::verify`].
    pub async fn verify_for<C: DeserializeOwned>(
        &self,
        token: &str,
        audience: &str,
    ) -> Result<C, TokenError> {
        let verified = Box::pin(self.verified_claims(token, Some(audience))).await;
        let claims = verified.map(|verified| verified.claims);
        claims.map_err(|error| {
            tracing::debug!(reason = %error, "a token for another audience was rejected");
            error.public()
        })
    }

    async fn verify_uncached(&self, token: &str) -> Result<Arc<Caller>, VerificationError> {
        let Verified { issuer, keys, claims } = self.verified_claims::<Claims>(token, None).await?;
        // A fraction of a second is cut; `as` saturates, and an expiry that is not a number was rejected.
        let until = (claims.exp as u64).saturating_add(issuer.policy.leeway_seconds);
        let caller = Arc::new(Caller::from_claims(claims)?);
        self.cache.remember(token, &caller, until.saturating_sub(1), keys.revocation());
        Ok(caller)
    }

    /// Verifies everything that does not depend on who the caller is; without an audience the token must be for the API.
    async fn verified_claims<C: DeserializeOwned>(
        &self,
        token: &str,
        audience: Option<&str>,
    ) -> Result<Verified<'_, C>, VerificationError> {
        let Unverified { kid, claims } = Unverified::read(token)?;
        let issuer = self.issuer_of(&claims)?;
        let keys = issuer.keys_with(&kid).await?;
        let key = keys.get(&kid).ok_or(VerificationError::UnknownKey(kid))?;
        let mut validation = validation(key, &issuer.policy, &claims);
        if let Some(audience) = audience {
            validation.set_audience(&[audience]);
        }
        let verified = decode::<C>(token, &key.decoding, &validation)?.claims;
        // The signature covers these claims, which were read from the same token.
        if !may_sign_for(key, &claims) {
            return Err(VerificationError::KeyOfAnotherIssuer);
        }
        Ok(Verified { issuer, keys, claims: verified })
    }

    fn issuer_of(&self, claims: &Claims) -> Result<&Issuer, VerificationError> {
        let (name, tenant) = (claims.iss.as_str(), claims.tid.as_deref());
        let mut issuers = self.issuers.iter();
        issuers
            .find(|issuer| issuer.policy.matches(name, tenant))
            .ok_or_else(|| VerificationError::unknown_issuer(name))
    }
}

impl Unverified {
    fn read(token: &str) -> Result<Self, VerificationError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(VerificationError::TooLong);
        }
        let TokenData { header, claims } = insecure_decode::<Claims>(token)?;
        // RFC 7515, section 4.1.11: critical extensions must be understood, and none is.
        if header.crit.is_some() {
            return Err(VerificationError::Critical);
        }
        let kid = header.kid.filter(|kid| kid.len() <= MAX_KID_BYTES);
        let kid = kid.ok_or(VerificationError::NoKid)?;
        Ok(Self { kid, claims })
    }
}

/// The name of the issuer was compared when the issuer was chosen; that the signed token says the same is checked again.
fn validation(key: &Key, policy: &TokenPolicy, claims: &Claims) -> Validation {
    let mut validation = Validation::new(key.algorithm);
    validation.set_issuer(&[&claims.iss]);
    validation.set_audience(&policy.audiences);
    validation.set_required_spec_claims(&["exp", "iss", "aud"]);
    validation.leeway = policy.leeway_seconds;
    // RFC 7519, section 4.1.4: a token is valid before its expiry; the library grants the second of the expiry as well.
    validation.reject_tokens_expiring_in_less_than = 1;
    validation.validate_nbf = true;
    validation
}

fn may_sign_for(key: &Key, claims: &Claims) -> bool {
    key.issuer.as_ref().is_none_or(|issuer| {
        named(issuer, claims.tid.as_deref()).is_some_and(|name| name == claims.iss)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::auth::testing::{AUDIENCE, NamedKey, TENANT, jwks};

    const ISSUER: &str = "https://issuer.example/";

    #[tokio::test]
    async fn a_token_is_expired_from_the_second_of_its_expiry_and_valid_from_that_of_its_nbf() {
        let key = NamedKey::new("a");
        let keys = KeySet::from_jwks(&jwks(&[&key])).unwrap();
        let policy = TokenPolicy {
            issuer: ISSUER.to_owned(),
            audiences: vec![AUDIENCE.to_owned()],
            leeway_seconds: 0,
        };
        let verifier = TokenVerifier::new(keys, policy);
        let now = get_current_timestamp();
        for (exp, nbf, expected) in [
            (json!(now), json!(now), Some(TokenError::Expired)),
            (json!(now + 600), json!(now), None),
            (json!(now as f64 + 600.5), json!(now), None),
            (json!(now + 600), json!(now + 300), Some(TokenError::NotYetValid)),
            (json!(now + 600), json!("1"), Some(TokenError::Malformed)),
            (json!(-1), json!(now), Some(TokenError::Malformed)),
            (json!(1e300), json!(now), Some(TokenError::Malformed)),
        ] {
            let token = key.sign(
                &json!({"iss": ISSUER, "aud": AUDIENCE, "tid": TENANT, "exp": exp, "nbf": nbf}),
            );
            // The second time it is in the cache.
            for _ in 0..2 {
                let rejected = verifier.verify(&token).await.err();
                assert_eq!(rejected, expected, "exp {exp} nbf {nbf}");
            }
        }
    }
}
