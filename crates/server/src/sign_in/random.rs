//! Unpredictable values.

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use flowruns_http::RequestError;
use uuid::{Builder, Uuid};

/// Random bytes as text in base64url.
pub(super) fn text<const BYTES: usize>() -> Result<String, RequestError> {
    bytes::<BYTES>().map(|bytes| URL_SAFE_NO_PAD.encode(bytes))
}

/// A random UUID: the id of a session is not to be guessed, so it is not made of the time.
pub(super) fn uuid() -> Result<Uuid, RequestError> {
    bytes().map(|bytes| Builder::from_random_bytes(bytes).into_uuid())
}

fn bytes<const BYTES: usize>() -> Result<[u8; BYTES], RequestError> {
    let mut bytes = [0; BYTES];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| RequestError::internal("the system has no random bytes"))?;
    Ok(bytes)
}
