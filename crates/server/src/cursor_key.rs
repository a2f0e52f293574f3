//! The key that signs the links to next pages: the same for all servers of a deployment.

use std::fs;

use anyhow::{Context as _, bail};
use flowruns_api::CursorKey;
use secrecy::ExposeSecret as _;

use crate::{config::Settings, local_key::LocalKey};

/// A shorter secret could be guessed.
const SHORTEST: usize = 16;

/// The key of the file that is named; else one made of what the servers share: the local key, or DATABASE_URL.
pub(crate) fn open(settings: &Settings, local_key: Option<&LocalKey>) -> anyhow::Result<CursorKey> {
    if let Some(file) = &settings.http.cursor_key_file {
        let secret = fs::read(file)
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
        (None, Some(url)) => Ok(CursorKey::new(url.expose_secret().as_bytes())),
        (None, None) => Ok(LocalKey::open(&settings.data_dir)?.cursor_key()),
    }
}
