//! Which keys of a set are used.

use aws_lc_rs::{
    encoding::AsDer as _,
    rsa::{KeyPair, KeySize},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, jwk::Jwk};
use serde_json::{Value, json};

use super::*;
use crate::auth::testing::new_es256_key;

fn es256(kid: &str) -> Value {
    let key = new_es256_key();
    let mut jwk = Jwk::from_encoding_key(&key, Algorithm::ES256).unwrap();
    jwk.common.key_id = Some(kid.to_owned());
    serde_json::to_value(jwk).unwrap()
}

fn rs256(kid: &str, size: KeySize) -> Value {
    let pkcs8 = KeyPair::generate(size).unwrap().as_der().unwrap();
    // The RSA key itself (PKCS #1) follows a header of fixed length.
    let key = EncodingKey::from_rsa_der(&pkcs8.as_ref()[26..]);
    let mut jwk = Jwk::from_encoding_key(&key, Algorithm::RS256).unwrap();
    jwk.common.key_id = Some(kid.to_owned());
    serde_json::to_value(jwk).unwrap()
}

fn with(mut jwk: Value, name: &str, value: Value) -> Value {
    jwk[name] = value;
    jwk
}

fn read(keys: &[Value]) -> Result<KeySet, InvalidKeySet> {
    KeySet::from_jwks(json!({"keys": keys}).to_string().as_bytes())
}

fn is_used(jwk: Value) -> bool {
    let good = es256("good");
    let set = read(&[jwk, good]).unwrap();
    assert!(set.get("good").is_some());
    set.usable_keys() == 2
}

#[test]
fn the_kind_of_a_key_decides_its_algorithm() {
    let set = read(&[es256("e"), rs256("r", KeySize::Rsa2048)]).unwrap();
    assert_eq!(set.get("e").unwrap().algorithm, Algorithm::ES256);
    assert_eq!(set.get("r").unwrap().algorithm, Algorithm::RS256);
    assert!(set.get("x").is_none());
}

#[test]
fn a_key_is_used_when_it_is_for_signatures_or_says_nothing() {
    assert!(is_used(es256("k")));
    assert!(is_used(with(es256("k"), "use", json!("sig"))));
    assert!(is_used(with(es256("k"), "key_ops", json!(["verify"]))));
    assert!(is_used(with(es256("k"), "x5t", json!("any"))));
    assert!(!is_used(with(es256("k"), "use", json!("enc"))));
    assert!(!is_used(with(es256("k"), "key_ops", json!(["encrypt"]))));
}

#[test]
fn a_key_of_another_algorithm_or_kind_is_skipped() {
    for alg in ["none", "HS256", "RS256", "ES384", "PS256"] {
        assert!(!is_used(with(es256("k"), "alg", json!(alg))), "{alg}");
    }
    assert!(!is_used(json!({"kty": "oct", "kid": "k", "k": "c2VjcmV0"})));
    assert!(!is_used(json!({"kty": "oct", "kid": "k", "alg": "HS256", "k": "c2VjcmV0"})));
    assert!(!is_used(json!({"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": "c2VjcmV0"})));
    assert!(!is_used(with(es256("k"), "crv", json!("P-384"))));
    assert!(!is_used(json!("k")));
}

#[test]
fn a_key_whose_numbers_are_too_short_or_too_long_is_skipped() {
    let of_bits = |bits: usize| {
        let mut modulus = vec![0xff_u8; bits.div_ceil(8)];
        if !bits.is_multiple_of(8) {
            modulus[0] = (1 << (bits % 8)) - 1;
        }
        // The sign byte that some issuers send is ignored.
        modulus.insert(0, 0);
        let modulus = URL_SAFE_NO_PAD.encode(modulus);
        json!({"kty": "RSA", "kid": "k", "n": modulus, "e": "AQAB"})
    };
    for (bits, expected) in
        [(1024, false), (2047, false), (2048, true), (8192, true), (8193, false)]
    {
        assert_eq!(is_used(of_bits(bits)), expected, "{bits}");
    }
    assert!(!is_used(with(es256("k"), "x", json!(""))));
    assert!(!is_used(with(es256("k"), "y", json!("AAAA"))));
}

#[test]
fn a_key_without_a_kid_or_with_a_long_one_is_skipped() {
    assert!(!is_used(with(es256("k"), "kid", Value::Null)));
    assert!(!is_used(es256("")));
    assert!(is_used(es256(&"k".repeat(256))));
    assert!(!is_used(es256(&"k".repeat(257))));
}

#[test]
fn a_kid_that_names_two_keys_names_neither_and_the_same_key_twice_counts_once() {
    let set = read(&[es256("k"), es256("k"), es256("good")]).unwrap();
    assert!(set.get("k").is_none() && set.get("good").is_some());
    let key = es256("k");
    let set = read(&[key.clone(), key.clone(), with(key, "use", json!("sig"))]).unwrap();
    assert!(set.get("k").is_some());
    // A third key does not restore the kid.
    let key = es256("k");
    let rejected = read(&[key.clone(), es256("k"), key]);
    assert!(matches!(rejected, Err(InvalidKeySet::Empty { listed: 3 })));
}

#[test]
fn a_set_without_usable_keys_is_told_apart_from_other_documents() {
    for (json, keys) in [
        (r#"{"keys":[]}"#, 0),
        (r#"{"keys":[{}]}"#, 1),
        (r#"{"keys":[{"kty":"new","kid":"k"},{}]}"#, 2),
    ] {
        let rejected = KeySet::from_jwks(json.as_bytes());
        assert!(
            matches!(rejected, Err(InvalidKeySet::Empty { listed }) if listed == keys),
            "{json}"
        );
    }
    for json in ["{}", "[]", "null", r#"{"keys":{}}"#, r#"[[]]"#] {
        let rejected = KeySet::from_jwks(json.as_bytes());
        assert!(matches!(rejected, Err(InvalidKeySet::NoKeySet)), "{json}");
    }
}

#[test]
fn a_set_that_is_not_json_or_nested_deeply_is_rejected() {
    let nested = format!(r#"{{"keys":{}"#, "[".repeat(200_000));
    for json in ["", "<html>", nested.as_str()] {
        let rejected = KeySet::from_jwks(json.as_bytes());
        assert!(matches!(rejected, Err(InvalidKeySet::Malformed(_))));
    }
}

#[test]
fn a_set_is_bounded_in_keys_and_in_bytes() {
    let mut keys = vec![json!({}); KeySet::MAX_KEYS - 1];
    keys.push(es256("k"));
    assert!(read(&keys).is_ok());
    keys.push(json!({}));
    assert!(matches!(read(&keys), Err(InvalidKeySet::TooManyKeys(101))));
    let padding = " ".repeat(KeySet::MAX_BYTES);
    let rejected = KeySet::from_jwks(padding.as_bytes());
    assert!(matches!(rejected, Err(InvalidKeySet::Malformed(_))));
    let rejected = KeySet::from_jwks(format!("{padding} ").as_bytes());
    assert!(matches!(rejected, Err(InvalidKeySet::TooLong)));
}
