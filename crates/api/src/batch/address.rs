//! The URL of an item.

use axum::http::Uri;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use crate::{
    error::ApiError,
    odata::root::{ServiceRoot, has_version},
};

/// The characters that must be encoded in a URL; clients leave spaces in a filter.
const UNSAFE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The path and query of an item's URL: relative to the root that the batch was sent to, or absolute on this server.
/// `limit` is the longest URL of a separate request, in bytes.
pub(super) fn read(url: &str, root: &ServiceRoot, limit: usize) -> Result<Uri, ApiError> {
    let without_fragment = url.split('#').next().unwrap_or_default();
    let path = match web_scheme(without_fragment) {
        Some((scheme, absolute)) => on_this_server(scheme, absolute, root)?.to_owned(),
        None => relative(without_fragment, root.version()),
    };
    let encoded = utf8_percent_encode(&path, UNSAFE).to_string();
    if encoded.len() > limit {
        return Err(ApiError::uri_too_long(limit));
    }
    let uri: Uri =
        encoded.parse().map_err(|error| malformed(&format!("the URL cannot be read: {error}")))?;
    if is_batch(uri.path()) {
        let message = "a batch cannot contain a batch; send its requests in this one";
        return Err(ApiError::bad_request("nestedBatch", message).with_target("url"));
    }
    Ok(uri)
}

/// Whether a path is that of the batch itself, in any spelling that its route accepts.
fn is_batch(path: &str) -> bool {
    let path = match has_version(path) {
        true => path[1..].find('/').map_or("", |end| &path[1 + end..]),
        false => path,
    };
    let path = path.strip_suffix('/').unwrap_or(path);
    percent_decode_str(path).decode_utf8_lossy().eq_ignore_ascii_case("/$batch")
}

fn web_scheme(url: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let is_web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    is_web.then_some((scheme, rest))
}

/// The path of an absolute URL as this server sees it: without the prefix that a proxy removes.
fn on_this_server<'a>(
    scheme: &str,
    absolute: &'a str,
    root: &ServiceRoot,
) -> Result<&'a str, ApiError> {
    let end = absolute.find(['/', '?']).unwrap_or(absolute.len());
    let (host, path) = absolute.split_at(end);
    let path = path.strip_prefix(root.origin().prefix());
    let path = path.filter(|path| path.is_empty() || path.starts_with(['/', '?']));
    let is_own_host = root.origin().has_host(scheme, host);
    let Some(path) = path.filter(|_| is_own_host) else {
        let message =
            format!("the URL is not of this server; send it relative, or to {}", root.origin());
        return Err(malformed(&message));
    };
    Ok(if path.is_empty() { "/" } else { path })
}

fn relative(url: &str, version: &str) -> String {
    let path = format!("/{}", url.trim_start_matches('/'));
    if has_version(&path) { path } else { format!("{version}{path}") }
}

fn malformed(message: &str) -> ApiError {
    ApiError::bad_request("invalidUrl", message).with_target("url")
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn root(path: &str) -> ServiceRoot {
        let request = Request::builder().uri(path).header("host", "flows.example:8080");
        ServiceRoot::of(&request.body(()).unwrap().into_parts().0, &[])
    }

    #[test]
    fn every_form_of_a_url_has_its_path() {
        for (batch, url, path) in [
            ("/$batch", "/industryData/runs?$top=1", "/industryData/runs?$top=1"),
            ("/$batch", "industryData/runs", "/industryData/runs"),
            ("/$batch", "/beta/industryData/runs", "/beta/industryData/runs"),
            ("/beta/$batch", "/industryData/runs", "/beta/industryData/runs"),
            ("/beta/$batch", "/beta/industryData/runs", "/beta/industryData/runs"),
            ("/beta/$batch", "HTTP://Flows.example:8080/industryData/runs", "/industryData/runs"),
            ("/beta/$batch", "/BETA/industryData", "/BETA/industryData"),
            ("/beta/$batch", "Beta/industryData", "/Beta/industryData"),
            ("/beta/$batch", "/%62eta/industryData", "/%62eta/industryData"),
            ("/Beta/$batch", "/beta", "/beta"),
            ("/beta/$batch", "/beta?$format=json", "/beta?$format=json"),
            ("/beta/$batch", "/betas", "/beta/betas"),
            ("/$batch", "/industryData/$batch", "/industryData/$batch"),
            ("/$batch", "https://flows.example:8080", "/"),
            (
                "/$batch",
                "/runs?$filter=displayName eq '\u{e9}'",
                "/runs?$filter=displayName%20eq%20'%C3%A9'",
            ),
            ("/$batch", "/runs?next=http://x/", "/runs?next=http://x/"),
        ] {
            assert_eq!(read(url, &root(batch), 16384).unwrap(), path, "{batch} {url}");
        }
    }

    #[test]
    fn another_server_and_another_batch_are_rejected() {
        for (url, code) in [
            ("http://other.example/industryData/runs", "invalidUrl"),
            ("http://flows.example:8080@other.example/", "invalidUrl"),
            ("/$batch", "nestedBatch"),
            ("$BATCH", "nestedBatch"),
            ("/$batch/", "nestedBatch"),
            ("/%24batch", "nestedBatch"),
            ("/%24Batch/?x=1", "nestedBatch"),
            ("/%62eta/$Batch", "nestedBatch"),
            ("/beta/$batch?x=1", "nestedBatch"),
            ("http://flows.example:8080/beta/$batch", "nestedBatch"),
        ] {
            assert_eq!(read(url, &root("/$batch"), 16384).unwrap_err().0.code, code, "{url}");
        }
    }
}
