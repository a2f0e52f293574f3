//! The style sheet and the script: two files in the binary, compressed once, with their digest in their address.

use std::sync::LazyLock;

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use bytes::Bytes;
use flate2::Compression;

use crate::encode::{accepts_gzip, gzip, short_digest};

/// The address has a digest of the content, so that a browser may keep the file forever.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

static STYLE_SHEET: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("app.css", "text/css; charset=utf-8", include_bytes!("assets/app.css"))
});
/// One file, so that a page needs one request.
const SCRIPTS: &str = concat!(include_str!("assets/app.js"), include_str!("assets/live.js"));

static SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("app.js", "text/javascript; charset=utf-8", SCRIPTS.as_bytes()));

struct Asset {
    path: String,
    content_type: &'static str,
    plain: &'static [u8],
    compressed: Bytes,
}

impl Asset {
    fn new(name: &str, content_type: &'static str, plain: &'static [u8]) -> Self {
        Self {
            path: format!("/ui/a/{}/{name}", short_digest(plain)),
            content_type,
            plain,
            compressed: gzip(plain, Compression::best()).unwrap_or_default().into(),
        }
    }

    fn response(&self, headers: &HeaderMap) -> Response {
        let is_compressed = accepts_gzip(headers) && !self.compressed.is_empty();
        let body = if is_compressed { self.compressed.clone() } else { self.plain.into() };
        let mut response = Response::new(Body::from(body));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert(header::CACHE_CONTROL, IMMUTABLE);
        headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        if is_compressed {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }
}

/// The address of the style sheet, below the prefix.
pub(crate) fn style_sheet_path() -> &'static str {
    &STYLE_SHEET.path
}

/// The address of the script, below the prefix.
pub(crate) fn script_path() -> &'static str {
    &SCRIPT.path
}

/// The file of this name. Under the digest of another version of the server it is sent too, but not kept: while servers are
/// replaced, a page of one may ask another one for its files.
pub(crate) fn file(digest: &str, name: &str, headers: &HeaderMap) -> Option<Response> {
    let asset = match name {
        "app.css" => &*STYLE_SHEET,
        "app.js" => &*SCRIPT,
        _ => return None,
    };
    let mut response = asset.response(headers);
    if asset.path != format!("/ui/a/{digest}/{name}") {
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    }
    Some(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_are_within_their_budgets() {
        assert!(STYLE_SHEET.compressed.len() <= 8 * 1024, "{}", STYLE_SHEET.compressed.len());
        assert!(SCRIPT.compressed.len() <= 6 * 1024, "{}", SCRIPT.compressed.len());
    }
}
