//! The public keys of an issuer.

#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use thiserror::Error;

use super::key::Key;

/// Why a key set cannot be used.
#[derive(Debug, Error)]
pub enum InvalidKeySet {
    /// Over [`KeySet::MAX_BYTES`].
    #[error("the key set is over {} bytes", KeySet::MAX_BYTES)]
    TooLong,
    /// Over [`KeySet::MAX_KEYS`].
    #[error("the key set has {0} keys, over {max}", max = KeySet::MAX_KEYS)]
    TooManyKeys(usize),
    /// Not a JSON Web Key Set.
    #[error("this is not a JSON Web Key Set (RFC 7517)")]
    Malformed(#[source] serde_json::Error),
    /// JSON without an array `keys`.
    #[error("this is not a JSON Web Key Set (RFC 7517): it has no array \"keys\"")]
    NoKeySet,
    /// None of the keys that it lists, if it lists any, can verify a token.
    #[error(
        "none of the {listed} keys that the key set lists is usable: an RSA key of 2048 to 8192 bits or an EC P-256 key, for signatures, with a kid of its own"
    )]
    Empty {
        /// How many keys it lists.
        listed: usize,
    },
}

/// Keys for RS256 and ES256, by their `kid`.
pub struct KeySet {
    keys: HashMap<String, Key>,
    revocation: KeySetRevocation,
}

/// Whether a key set was replaced by another; cheap enough to check for each request.
#[derive(Clone, Default)]
pub(super) struct KeySetRevocation(Arc<AtomicBool>);

impl KeySetRevocation {
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Release);
    }
}

const USABLE_KEYS: &str = "flowruns_issuer_keys";

impl KeySet {
    /// The longest key set, in bytes.
    pub const MAX_BYTES: usize = 256 * 1024;
    /// How many keys a set may have, usable or not.
    pub const MAX_KEYS: usize = 100;

    /// Reads a JSON Web Key Set; keys of other kinds and uses are skipped. A `kid` that names two different keys
    /// names neither, since nobody can tell which of them is meant.
    ///
    /// # Errors
    ///
    /// [`InvalidKeySet`] when it is malformed (also without an array `keys`), too large, or has no usable key.
    pub fn from_jwks(json: &[u8]) -> Result<Self, InvalidKeySet> {
        if json.len() > Self::MAX_BYTES {
            return Err(InvalidKeySet::TooLong);
        }
        // Keys are read one by one, so that one of an unknown kind does not invalidate the others.
        let set: serde_json::Value =
            serde_json::from_slice(json).map_err(InvalidKeySet::Malformed)?;
        let Some(jwks) = set.get("keys").and_then(|keys| keys.as_array()) else {
            return Err(InvalidKeySet::NoKeySet);
        };
        let listed = jwks.len();
        if listed > Self::MAX_KEYS {
            return Err(InvalidKeySet::TooManyKeys(listed));
        }
        let keys = unambiguous(jwks.iter().filter_map(Key::from_jwk));
        if keys.is_empty() {
            return Err(InvalidKeySet::Empty { listed });
        }
        let revocation = KeySetRevocation::default();
        Ok(Self { keys, revocation })
    }

    /// The set of an issuer that has withdrawn its keys: it verifies nothing.
    pub(super) fn without_keys() -> Self {
        Self { keys: HashMap::new(), revocation: KeySetRevocation::default() }
    }

    /// The number of keys that can verify tokens.
    pub fn usable_keys(&self) -> usize {
        self.keys.len()
    }

    pub(super) fn get(&self, kid: &str) -> Option<&Key> {
        self.keys.get(kid)
    }

    pub(super) fn revocation(&self) -> &KeySetRevocation {
        &self.revocation
    }

    /// Invalidates every token that was verified with this set.
    pub(super) fn revoke(&self) {
        self.revocation.set();
    }
}

/// Sets the metric of the keys that can verify tokens of an issuer; the label comes from the configuration.
pub(super) fn note_usable_keys(issuer: &str, keys: usize) {
    metrics::describe_gauge!(USABLE_KEYS, "Keys that can verify tokens of the issuer.");
    metrics::gauge!(USABLE_KEYS, "issuer" => issuer.to_owned()).set(keys as f64);
}

fn unambiguous(named: impl Iterator<Item = (String, Key)>) -> HashMap<String, Key> {
    let mut keys = HashMap::new();
    for (kid, key) in named {
        match keys.entry(kid) {
            Entry::Vacant(entry) => {
                entry.insert(Some(key));
            }
            Entry::Occupied(mut entry) => {
                if entry.get().as_ref() != Some(&key) {
                    tracing::warn!(kid = ?entry.key(), "two keys of one key set have this kid; neither is used");
                    entry.insert(None);
                }
            }
        }
    }
    keys.into_iter().filter_map(|(kid, key)| Some((kid, key?))).collect()
}
