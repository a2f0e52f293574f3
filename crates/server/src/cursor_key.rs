//! The key that signs the links to next pages. All servers of a deployment need the same one.

use std::num::NonZeroU32;

use anyhow::{Context as _, bail};
use aws_lc_rs::{digest::SHA256_OUTPUT_LEN, pbkdf2};
use flowruns_api::CursorKey;
use flowruns_embedded::{MAX_FILE_BYTES, read_regular_file};
use secrecy::ExposeSecret as _;

use crate::{config::Settings, local_key::LocalKey};

/// The minimum length of the secret in bytes: a shorter one could be guessed.
const MIN_SECRET_BYTES: usize = 16;

/// A client that has a link can test guesses of the secret from which the key was derived. This number of rounds makes each guess
/// cost a quarter of a second, as it does once at start. All servers of a deployment must use the same number.
const ROUNDS: NonZeroU32 = NonZeroU32::new(600_000).unwrap();
/// Separates this key from other keys that may be derived from DATABASE_URL.
const SALT: &[u8] = b"flowruns cursor key 1";

/// The key from the configured file. Without one it is derived from what the servers share: the local key, or DATABASE_URL.
pub(crate) fn open(settings: &Settings, local_key: Option<&LocalKey>) -> anyhow::Result<CursorKey> {
    if let Some(file) = &settings.http.cursor_key_file {
        let secret = read_regular_file(file, MAX_FILE_BYTES)
            .with_context(|| format!("the cursor key {} cannot be read", file.display()))?;
        if secret.len() < MIN_SECRET_BYTES {
            bail!("the cursor key {} is shorter than {MIN_SECRET_BYTES} bytes", file.display());
        }
        return Ok(CursorKey::new(&secret));
    }
    match (local_key, &settings.database_url) {
        (Some(key), _) => Ok(key.cursor_key()),
        (None, Some(url)) => Ok(CursorKey::new(&derived(url.expose_secret()))),
        (None, None) => Ok(LocalKey::open(&settings.data_dir)?.cursor_key()),
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
}
