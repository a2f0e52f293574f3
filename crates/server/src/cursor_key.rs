//! The key that signs the links to next pages: the same for all servers of a deployment.

use std::num::NonZeroU32;

use anyhow::{Context as _, bail};
use aws_lc_rs::{digest::SHA256_OUTPUT_LEN, pbkdf2};
use flowruns_api::CursorKey;
use flowruns_embedded::{MAX_FILE_BYTES, read_regular_file};
use secrecy::ExposeSecret as _;

use crate::{config::Settings, local_key::LocalKey};

/// A shorter secret could be guessed.
const SHORTEST: usize = 16;

/// Whoever has a link can test guesses of what its key was made of, so that each guess shall cost as much as this: a quarter
/// of a second once a start. All servers of a deployment must agree on it.
const ROUNDS: NonZeroU32 = NonZeroU32::new(600_000).unwrap();
/// Keeps the key apart from whatever else may be made of DATABASE_URL.
const SALT: &[u8] = b"flowruns cursor key 1";

/// The key of the file that is named; else one made of what the servers share: the local key, or DATABASE_URL.
pub(crate) fn open(settings: &Settings, local_key: Option<&LocalKey>) -> anyhow::Result<CursorKey> {
    if let Some(file) = &settings.http.cursor_key_file {
        let secret = read_regular_file(file, MAX_FILE_BYTES)
            .with_context(|| format!("the cursor key {} cannot be read", file.display()))?;
        if secret.len() < SHORTEST {
            bail!(
                "the cursor key {} is shorter than {SHORTEST} bytes",
                file.display()
            );
        }
        return Ok(CursorKey::new(&secret));
    }
    match (local_key, &settings.database_url) {
        (Some(key), _) => Ok(key.cursor_key()),
        (None, Some(url)) => Ok(CursorKey::new(&stretched(url.expose_secret()))),
        (None, None) => Ok(LocalKey::open(&settings.data_dir)?.cursor_key()),
    }
}

/// A password that can be guessed must not become cheaper to guess by what is signed with it.
fn stretched(secret: &str) -> [u8; SHA256_OUTPUT_LEN] {
    let mut key = [0; SHA256_OUTPUT_LEN];
    pbkdf2::derive(
        pbkdf2::PBKDF2_HMAC_SHA256,
        ROUNDS,
        SALT,
        secret.as_bytes(),
        &mut key,
    );
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_made_of_a_secret_depends_on_it_alone_and_is_not_its_plain_digest() {
        assert_eq!(stretched("a"), stretched("a"));
        assert_ne!(stretched("a"), stretched("b"));
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, b"a");
        assert_ne!(stretched("a"), digest.as_ref());
    }
}
