//! The public keys of an issuer.

use std::collections::HashMap;

use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, PublicKeyUse},
};
use thiserror::Error;

/// Why a key set cannot be used.
#[derive(Debug, Error)]
pub enum InvalidKeySet {
    /// Not a JSON Web Key Set.
    #[error("this is no JSON Web Key Set (RFC 7517)")]
    Malformed(#[source] serde_json::Error),
    /// None of its keys can verify a token.
    #[error("the key set has no usable key: an RSA or EC P-256 key for signatures, with a kid")]
    Empty,
}

/// Keys for RS256 and ES256, by their `kid`.
#[derive(Clone)]
pub struct KeySet(HashMap<String, (Algorithm, DecodingKey)>);

impl KeySet {
    /// Reads a JSON Web Key Set; keys of other kinds and uses are passed over.
    ///
    /// # Errors
    ///
    /// [`InvalidKeySet`] when it is malformed or has no usable key.
    pub fn from_jwks(json: &[u8]) -> Result<Self, InvalidKeySet> {
        // Keys are read one by one, so that one of an unknown kind does not spoil the others.
        let set: serde_json::Value =
            serde_json::from_slice(json).map_err(InvalidKeySet::Malformed)?;
        let keys = set
            .get("keys")
            .and_then(|keys| keys.as_array())
            .cloned()
            .unwrap_or_default();
        let keys = keys
            .into_iter()
            .filter_map(|key| serde_json::from_value::<Jwk>(key).ok())
            .collect();
        let usable: HashMap<_, _> = JwkSet { keys }.keys.iter().filter_map(usable_key).collect();
        if usable.is_empty() {
            Err(InvalidKeySet::Empty)
        } else {
            Ok(Self(usable))
        }
    }

    pub(super) fn get(&self, kid: &str) -> Option<&(Algorithm, DecodingKey)> {
        self.0.get(kid)
    }
}

fn usable_key(jwk: &Jwk) -> Option<(String, (Algorithm, DecodingKey))> {
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => Algorithm::RS256,
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            Algorithm::ES256
        }
        _ => return None,
    };
    let declared = jwk
        .common
        .key_algorithm
        .map(|declared| declared.to_string());
    let is_for_signatures = matches!(
        jwk.common.public_key_use,
        None | Some(PublicKeyUse::Signature)
    );
    let is_as_declared = declared.is_none_or(|declared| declared == format!("{algorithm:?}"));
    if !is_for_signatures || !is_as_declared {
        return None;
    }
    let key = DecodingKey::from_jwk(jwk).ok()?;
    Some((jwk.common.key_id.clone()?, (algorithm, key)))
}
