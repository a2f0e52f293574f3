//! One public key of an issuer.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse},
};
use serde_json::Value;

/// The longest `kid`, in bytes.
pub(super) const MAX_KID_BYTES: usize = 256;
/// Shorter RSA keys can be factored; longer ones cost too much to verify with.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// The bytes of a coordinate of P-256.
const P256_BYTES: usize = 32;

/// A key that verifies signatures of the one algorithm that fits it.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) algorithm: Algorithm,
    pub(super) decoding: DecodingKey,
    /// The issuer whose tokens it may sign, if the set names one: the sets of Entra ID serve several issuers.
    pub(super) issuer: Option<String>,
    parameters: AlgorithmParameters,
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.parameters == other.parameters && self.issuer == other.issuer
    }
}

impl Key {
    /// The `kid` and the key, if it can verify signatures.
    pub(super) fn from_jwk(json: &Value) -> Option<(String, Self)> {
        let jwk: Jwk = serde_json::from_value(json.clone()).ok()?;
        let algorithm = algorithm(&jwk.algorithm)?;
        let kid = jwk.common.key_id.clone()?;
        if !is_for_signatures(&jwk, algorithm) || kid.is_empty() || kid.len() > MAX_KID_BYTES {
            return None;
        }
        let issuer = match json.get("issuer") {
            None => None,
            Some(issuer) => Some(issuer.as_str()?.to_owned()),
        };
        let key = Self {
            algorithm,
            decoding: DecodingKey::from_jwk(&jwk).ok()?,
            issuer,
            parameters: jwk.algorithm,
        };
        Some((kid, key))
    }
}

/// The algorithm of a key: a token cannot choose another one.
fn algorithm(parameters: &AlgorithmParameters) -> Option<Algorithm> {
    match parameters {
        AlgorithmParameters::RSA(key) => {
            let bits = bits(&URL_SAFE_NO_PAD.decode(&key.n).ok()?);
            RSA_BITS.contains(&bits).then_some(Algorithm::RS256)
        }
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            let is_coordinate =
                |text| URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == P256_BYTES);
            (is_coordinate(&key.x) && is_coordinate(&key.y)).then_some(Algorithm::ES256)
        }
        _ => None,
    }
}

/// The length of a number without its leading zeros, in bits.
fn bits(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let first = number.get(zeros).map_or(0, |byte| byte.leading_zeros());
    (number.len() - zeros) * 8 - first as usize
}

fn is_for_signatures(jwk: &Jwk, algorithm: Algorithm) -> bool {
    let common = &jwk.common;
    let declared = common.key_algorithm.map(|declared| declared.to_string());
    let may_verify = common
        .key_operations
        .as_ref()
        .is_none_or(|operations| operations.contains(&KeyOperations::Verify));
    let use_fits = matches!(common.public_key_use, None | Some(PublicKeyUse::Signature));
    use_fits && may_verify && declared.is_none_or(|name| name == format!("{algorithm:?}"))
}
