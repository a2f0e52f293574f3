//! Keys that sign tokens, and the claims of ordinary callers.

#![expect(clippy::expect_used, reason = "a test that cannot continue must fail")]

use std::fmt::Display;

use aws_lc_rs::{
    encoding::AsDer as _,
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, crypto, encode, jwk::Jwk};
use serde_json::{Value, json};

/// `exp` of every token: far from now.
const EXPIRY: u64 = 4_102_444_800;
/// Where the RSA key itself (PKCS #1) begins in the PKCS #8 of an RSA key of 2048 bits.
const PKCS8_HEAD: usize = 26;

/// A key and its id.
pub struct SigningKey {
    kid: String,
    algorithm: Algorithm,
    key: EncodingKey,
}

impl SigningKey {
    /// A new key for ES256, with this id.
    ///
    /// # Panics
    ///
    /// When no key can be made.
    pub fn es256(kid: &str) -> Self {
        let made =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        Self {
            kid: kid.to_owned(),
            algorithm: Algorithm::ES256,
            key: EncodingKey::from_ec_der(made.expect("an EC key").as_ref()),
        }
    }

    /// A new key of 2048 bits for RS256. To generate it takes up to a second.
    ///
    /// # Panics
    ///
    /// When no key can be made.
    pub fn rs256(kid: &str) -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).expect("an RSA key");
        let pkcs8 = pair.as_der().expect("PKCS #8");
        Self {
            kid: kid.to_owned(),
            algorithm: Algorithm::RS256,
            key: EncodingKey::from_rsa_der(&pkcs8.as_ref()[PKCS8_HEAD..]),
        }
    }

    /// The public key as a JSON Web Key.
    ///
    /// # Panics
    ///
    /// When the key cannot be read.
    pub fn jwk(&self) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.key, self.algorithm).expect("a public key");
        jwk.common.key_id = Some(self.kid.clone());
        serde_json::to_value(jwk).expect("JSON")
    }

    /// A token with these claims.
    ///
    /// # Panics
    ///
    /// When it cannot be signed.
    pub fn token(&self, claims: &Value) -> String {
        let header = Header { kid: Some(self.kid.clone()), ..Header::new(self.algorithm) };
        encode(&header, claims, &self.key).expect("a signature")
    }

    /// A token whose header has these members too. A member replaces the usual one of its name; null removes it.
    ///
    /// # Panics
    ///
    /// When it cannot be signed.
    pub fn token_with_header(&self, members: &Value, claims: &Value) -> String {
        let mut header = json!({"alg": self.algorithm, "kid": self.kid});
        for (name, value) in members.as_object().into_iter().flatten() {
            header[name] = value.clone();
        }
        if let Some(members) = header.as_object_mut() {
            members.retain(|_, value| !value.is_null());
        }
        let message = format!("{}.{}", encoded(&header), encoded(claims));
        let signed = crypto::sign(message.as_bytes(), &self.key, self.algorithm);
        format!("{message}.{}", signed.expect("a signature"))
    }
}

/// The JSON of a key set (JWKS) with these keys.
pub fn key_set(keys: &[&SigningKey]) -> Value {
    let keys: Vec<_> = keys.iter().map(|key| key.jwk()).collect();
    json!({"keys": keys})
}

/// The claims of a caller of a tenant with these roles, whose subject is `tester`. The token expires in the year 2100.
pub fn claims(issuer: &str, audience: &str, tenant: impl Display, roles: &[&str]) -> Value {
    json!({
        "iss": issuer, "aud": audience, "exp": EXPIRY, "tid": tenant.to_string(),
        "sub": "tester", "roles": roles,
    })
}

/// One part of a token: JSON in base64url.
pub fn encoded(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}
