//! The secret that all servers of a deployment share, and the keys that are derived from it: links to next pages that one
//! server signs, and sessions that it seals, are valid on the others.

use std::num::NonZeroU32;

use anyhow::{Context as _, bail};
use aws_lc_rs::{
    digest::SHA256_OUTPUT_LEN,
    hkdf::{HKDF_SHA256, Salt},
    pbkdf2,
};
use flowruns_api::CursorKey;
use flowruns_embedded::{MAX_FILE_BYTES, read_regular_file};
use secrecy::{ExposeSecret as _, SecretSlice};

use crate::{config::Settings, local_key::LocalKey};

/// The minimum length of the secret in bytes: a shorter one could be guessed.
const MIN_SECRET_BYTES: usize = 16;

/// A client that has a link can test guesses of the secret from which the key was derived. This number of rounds makes each guess
/// cost a quarter of a second, as it does once at start. All servers of a deployment must use the same number.
const ROUNDS: NonZeroU32 = NonZeroU32::new(600_000).unwrap();
/// Separates this key from other keys that may be derived from DATABASE_URL.
const SALT: &[u8] = b"flowruns cursor key 1";
/// Separates derived keys from those that other programs may derive from the same secret.
const HKDF_SALT: &[u8] = b"flowruns keys 1";

/// The secret of a deployment.
#[derive(Clone, Debug)]
pub(crate) struct SharedSecret(SecretSlice<u8>);

impl SharedSecret {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }

    /// From the configured file. Without one it is derived from what the servers share: the local key, or DATABASE_URL.
    pub(crate) fn open(settings: &Settings, local_key: Option<&LocalKey>) -> anyhow::Result<Self> {
        if let Some(file) = &settings.http.cursor_key_file {
            let secret = read_regular_file(file, MAX_FILE_BYTES)
                .with_context(|| format!("the cursor key {} cannot be read", file.display()))?;
            if secret.len() < MIN_SECRET_BYTES {
                bail!("the cursor key {} is shorter than {MIN_SECRET_BYTES} bytes", file.display());
            }
            return Ok(Self::new(secret));
        }
        match (local_key, &settings.database_url) {
            (Some(key), _) => Ok(key.shared_secret()),
            (None, Some(url)) => {
                if settings.dashboard.enabled && settings.auth.signs_people_in() {
                    // Who guesses the URL from a session of their own could make sessions of others.
                    bail!(
                        "people sign in to the dashboard, so http.cursor_key_file must name a file of random bytes that seals \
                         their sessions (head -c 32 /dev/urandom > FILE), the same on all servers"
                    );
                }
                Ok(Self::new(derived(url.expose_secret()).to_vec()))
            }
            (None, None) => Ok(LocalKey::open(&settings.data_dir)?.shared_secret()),
        }
    }

    /// The key that signs the links to next pages.
    pub(crate) fn cursor_key(&self) -> CursorKey {
        CursorKey::new(self.0.expose_secret())
    }

    /// A key for one purpose: keys of different labels say nothing about each other or about the secret (RFC 5869).
    pub(crate) fn key_for(&self, label: &str) -> anyhow::Result<[u8; SHA256_OUTPUT_LEN]> {
        let extracted = Salt::new(HKDF_SHA256, HKDF_SALT).extract(self.0.expose_secret());
        let mut key = [0; SHA256_OUTPUT_LEN];
        let info = [label.as_bytes()];
        let expanded = extracted.expand(&info, HKDF_SHA256);
        let filled = expanded.and_then(|expanded| expanded.fill(&mut key));
        filled.map_err(|_| anyhow::anyhow!("the key {label:?} cannot be derived"))?;
        Ok(key)
    }
}

/// Derives a key slowly, so that a signature does not make the password easier to guess.
fn derived(secret: &str) -> [u8; SHA256_OUTPUT_LEN] {
    let mut key = [0; SHA256_OUTPUT_LEN];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ROUNDS, SALT, secret.as_bytes(), &mut key);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_derived_key_depends_only_on_the_secret_and_is_not_its_digest() {
        assert_eq!(derived("a"), derived("a"));
        assert_ne!(derived("a"), derived("b"));
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, b"a");
        assert_ne!(derived("a"), digest.as_ref());
    }

    #[test]
    fn sessions_are_not_sealed_with_a_key_that_is_derived_from_the_url_of_the_database() {
        let open = |client: &str| {
            let variables = [
                ("DATABASE_URL", "postgres://u:password@db/d"),
                ("FLOWRUNS_AUTH__ISSUER", "https://issuer.example"),
                ("FLOWRUNS_AUTH__AUDIENCE", "api://flowruns"),
                ("FLOWRUNS_AUTH__DASHBOARD__CLIENT_ID", client),
            ];
            let variables = variables.map(|(name, value)| (name.into(), value.into()));
            let settings = Settings::merge(None, variables.into_iter()).unwrap();
            SharedSecret::open(&settings, None).map(drop)
        };
        let rejected = open("dashboard").unwrap_err().to_string();
        assert!(rejected.contains("http.cursor_key_file"), "{rejected}");
        assert!(open("").is_ok());
    }

    #[test]
    fn each_label_and_each_secret_has_a_key_of_its_own() {
        let key = |secret: &[u8], label| SharedSecret::new(secret.to_vec()).key_for(label).unwrap();
        assert_eq!(key(b"secret", "a"), key(b"secret", "a"));
        assert_ne!(key(b"secret", "a"), key(b"secret", "b"));
        assert_ne!(key(b"secret", "a"), key(b"other", "a"));
    }

    #[test]
    fn the_secret_is_not_shown() {
        let shown = format!("{:?}", SharedSecret::new(b"password".to_vec()));
        assert!(!shown.contains("112") && !shown.contains("password"), "{shown}");
    }
}
