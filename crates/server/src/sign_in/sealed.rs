//! Texts that only the servers of this deployment can make and read: what a cookie holds.

use anyhow::anyhow;
use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::shared_secret::SharedSecret;

/// The first byte of a sealed text. It changes when the content changes its form, so that an older text is not misread.
const VERSION: u8 = 1;
const NONCE_BYTES: usize = 12;
/// Browsers keep cookies of at least 4096 bytes, name and attributes included; a longer text is neither made nor read.
const MAX_TEXT_BYTES: usize = 3900;

/// Seals and opens texts with AES-256-GCM.
pub(super) struct SealingKey(RandomizedNonceKey);

impl SealingKey {
    /// The key of one purpose.
    pub(super) fn new(secret: &SharedSecret, label: &str) -> anyhow::Result<Self> {
        let key = RandomizedNonceKey::new(&AES_256_GCM, &secret.key_for(label)?);
        key.map(Self).map_err(|_| anyhow!("the key {label:?} cannot be used"))
    }

    /// Seals a content under the name of the cookie that will hold it; under another name it cannot be opened. `None` when it
    /// is too long.
    pub(super) fn seal(&self, name: &str, content: &[u8]) -> Option<String> {
        let mut sealed = content.to_vec();
        let nonce = self.0.seal_in_place_append_tag(bound_to(name), &mut sealed).ok()?;
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(nonce.as_ref());
        bytes.append(&mut sealed);
        let text = URL_SAFE_NO_PAD.encode(bytes);
        (text.len() <= MAX_TEXT_BYTES).then_some(text)
    }

    /// The content of a text that was sealed under this name with this key; `None` for any other text.
    pub(super) fn open(&self, name: &str, text: &str) -> Option<Vec<u8>> {
        if text.len() > MAX_TEXT_BYTES {
            return None;
        }
        let mut bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (version, rest) = bytes.split_first_mut()?;
        if *version != VERSION {
            return None;
        }
        let (nonce, sealed) = rest.split_at_mut_checked(NONCE_BYTES)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let content = self.0.open_in_place(nonce, bound_to(name), sealed).ok()?;
        Some(content.to_vec())
    }
}

fn bound_to(name: &str) -> Aad<Vec<u8>> {
    let mut bound = vec![VERSION];
    bound.extend_from_slice(name.as_bytes());
    Aad::from(bound)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(secret: &[u8]) -> SealingKey {
        SealingKey::new(&SharedSecret::new(secret.to_vec()), "test").unwrap()
    }

    #[test]
    fn a_content_is_opened_under_its_name_with_its_key_only() {
        let (key, other) = (key(b"secret"), key(b"another secret"));
        for content in [&b""[..], b"content", &[7; 2000]] {
            let sealed = key.seal("a", content).unwrap();
            assert_eq!(key.open("a", &sealed).as_deref(), Some(content));
            assert_eq!(key.open("b", &sealed), None);
            assert_eq!(other.open("a", &sealed), None);
        }
    }

    #[test]
    fn the_same_content_is_never_sealed_to_the_same_text() {
        let key = key(b"secret");
        assert_ne!(key.seal("a", b"content"), key.seal("a", b"content"));
    }

    #[test]
    fn a_text_with_any_other_byte_or_length_is_not_opened() {
        let key = key(b"secret");
        let sealed = key.seal("a", b"{\"content\":1}").unwrap();
        for index in 0..sealed.len() {
            for other in [b'A', b'b', b'_', b'=', b' ', b'\0'] {
                let mut changed = sealed.clone().into_bytes();
                if changed[index] == other {
                    continue;
                }
                changed[index] = other;
                let changed = String::from_utf8(changed).unwrap();
                assert_eq!(key.open("a", &changed), None, "{changed}");
            }
            assert_eq!(key.open("a", &sealed[..index]), None);
            assert_eq!(key.open("a", &sealed[index + 1..]), None);
        }
        assert_eq!(key.open("a", &format!("{sealed}A")), None);
        assert_eq!(key.open("a", &format!("{sealed}AAAA")), None);
    }

    #[test]
    fn a_text_of_another_version_is_not_opened() {
        let key = key(b"secret");
        let sealed = key.seal("a", b"content").unwrap();
        let mut bytes = URL_SAFE_NO_PAD.decode(sealed).unwrap();
        bytes[0] += 1;
        assert_eq!(key.open("a", &URL_SAFE_NO_PAD.encode(bytes)), None);
    }

    #[test]
    fn a_content_that_no_cookie_can_hold_is_not_sealed() {
        let key = key(b"secret");
        assert!(key.seal("a", &[7; 2880]).is_some());
        assert!(key.seal("a", &[7; 3000]).is_none());
    }
}
