//! The bytes of a response: its entity tag, and its compression.

use std::io::Write as _;

use aws_lc_rs::digest::{SHA256, digest};
use axum::http::{HeaderMap, header};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use flate2::{Compression, write::GzEncoder};

/// How many bytes of a digest are in a tag or in the name of a file: enough that two contents never have the same.
const DIGEST_BYTES: usize = 12;

/// A short digest of some bytes, as text.
pub(crate) fn short_digest(bytes: &[u8]) -> String {
    let digest = digest(&SHA256, bytes);
    let digest = digest.as_ref();
    URL_SAFE_NO_PAD.encode(digest.get(..DIGEST_BYTES).unwrap_or(digest))
}

/// The entity tag of a response with these bytes, which may be compressed. It is weak, since a proxy may compress them in another
/// way.
pub(crate) fn entity_tag(bytes: &[u8]) -> String {
    format!("W/\"{}\"", short_digest(bytes))
}

/// Whether If-None-Match names the tag, so that the client has the bytes already.
pub(crate) fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let known = opaque(tag);
    let values = headers.get_all(header::IF_NONE_MATCH).iter();
    let mut tags =
        values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    tags.any(|sent| sent.trim() == "*" || opaque(sent) == known)
}

/// Compresses with gzip.
pub(crate) fn gzip(bytes: &[u8], level: Compression) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), level);
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

/// Whether the client accepts gzip: it names it, or everything, with a weight that is not 0.
pub(crate) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter();
    let codings = values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let mut any = false;
    for coding in codings {
        let mut parts = coding.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let weight = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
        let is_wanted = weight.and_then(|weight| weight.parse().ok()) != Some(0.0_f32);
        if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") {
            return is_wanted;
        }
        any |= name == "*" && is_wanted;
    }
    any
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use axum::http::HeaderValue;
    use flate2::read::GzDecoder;

    use super::*;

    fn headers(name: header::HeaderName, value: &'static str) -> HeaderMap {
        [(name, HeaderValue::from_static(value))].into_iter().collect()
    }

    #[test]
    fn the_weight_of_gzip_decides() {
        for (sent, expected) in [
            ("gzip, deflate, br, zstd", true),
            ("br;q=1, GZIP;q=0.1", true),
            ("*", true),
            ("gzip;q=0", false),
            ("gzip;q=0, *", false),
            ("*;q=0", false),
            ("br", false),
            ("", false),
        ] {
            let headers = headers(header::ACCEPT_ENCODING, sent);
            assert_eq!(accepts_gzip(&headers), expected, "{sent}");
        }
    }

    #[test]
    fn a_tag_is_known_whether_it_is_weak_or_not() {
        let tag = entity_tag(b"page");
        assert_ne!(tag, entity_tag(b"another page"));
        let strong = tag.trim_start_matches("W/").to_owned();
        for sent in [tag.clone(), strong, "*".to_owned(), format!("\"a\", {tag}")] {
            let sent: &'static str = sent.leak();
            assert!(is_known(&headers(header::IF_NONE_MATCH, sent), &tag), "{sent}");
        }
        assert!(!is_known(&headers(header::IF_NONE_MATCH, "\"a\""), &tag));
        assert!(!is_known(&HeaderMap::new(), &tag));
    }

    #[test]
    fn compressed_bytes_are_the_same_bytes() {
        let bytes = "flowruns ".repeat(1000).into_bytes();
        let compressed = gzip(&bytes, Compression::fast()).unwrap();
        assert!(compressed.len() < bytes.len() / 10);
        let mut read = Vec::new();
        GzDecoder::new(compressed.as_slice()).read_to_end(&mut read).unwrap();
        assert_eq!(read, bytes);
    }
}
