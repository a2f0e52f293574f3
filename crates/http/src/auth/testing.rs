//! Keys and tokens for the tests of this module.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use serde_json::{Value, json};

pub(super) const TENANT: &str = "1e0c5e0a-4f7b-4a35-9a5c-7b0f2d7f3c55";
pub(super) const AUDIENCE: &str = "api://flowruns";

pub(super) fn new_es256_key() -> EncodingKey {
    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    EncodingKey::from_ec_der(pkcs8.as_ref())
}

/// A key with its name.
pub(super) struct NamedKey {
    kid: String,
    key: EncodingKey,
}

impl NamedKey {
    pub(super) fn new(kid: &str) -> Self {
        Self { kid: kid.to_owned(), key: new_es256_key() }
    }

    pub(super) fn jwk(&self) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.key, Algorithm::ES256).unwrap();
        jwk.common.key_id = Some(self.kid.clone());
        serde_json::to_value(jwk).unwrap()
    }

    /// A token that this issuer could have signed.
    pub(super) fn token(&self, issuer: &str) -> String {
        self.sign(&json!({"iss": issuer, "aud": AUDIENCE, "tid": TENANT, "exp": 4_102_444_800_u64}))
    }

    pub(super) fn sign(&self, claims: &Value) -> String {
        let header = Header { kid: Some(self.kid.clone()), ..Header::new(Algorithm::ES256) };
        encode(&header, claims, &self.key).unwrap()
    }
}

/// A key set of these keys.
pub(super) fn jwks(keys: &[&NamedKey]) -> Vec<u8> {
    let keys: Vec<_> = keys.iter().map(|key| key.jwk()).collect();
    json!({"keys": keys}).to_string().into_bytes()
}
