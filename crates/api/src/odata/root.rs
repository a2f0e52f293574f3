//! The root of the service as the client sees it, for absolute links.

use axum::http::{Uri, request::Parts};
use flowruns_http::RequestOrigin;
use ipnet::IpNet;
use percent_encoding::percent_decode_str;

use super::key_path::SentUri;

const BETA: &str = "/beta";

/// Whether the first segment of a path (or a path and query) is the version, in any case, percent-encoded or not.
pub(crate) fn has_version(path: &str) -> bool {
    let Some((before, below)) = path.split_once('/') else {
        return false;
    };
    let end = below.bytes().position(|byte| matches!(byte, b'/' | b'?'));
    let segment = below.get(..end.unwrap_or(below.len())).unwrap_or_default();
    let is_version = |segment: &str| segment.eq_ignore_ascii_case(&BETA[1..]);
    let is_encoded = || segment.bytes().any(|byte| byte == b'%');
    !before.contains('?')
        && (is_version(segment)
            || (is_encoded() && is_version(&percent_decode_str(segment).decode_utf8_lossy())))
}

/// The service root that a request was sent to, such as `http://127.0.0.1:8080/beta`, as the client sees it.
#[derive(Clone, Debug)]
pub(crate) struct ServiceRoot {
    origin: RequestOrigin,
    version: &'static str,
    sent: Uri,
}

impl ServiceRoot {
    /// The root of a request that came directly or through proxies in the `trusted` networks.
    pub(crate) fn of(parts: &Parts, trusted: &[IpNet]) -> Self {
        let sent = parts.extensions.get::<SentUri>();
        let sent = sent.map_or(&parts.uri, |SentUri(uri)| uri);
        Self {
            origin: RequestOrigin::of(parts, trusted),
            version: if has_version(sent.path()) { BETA } else { "" },
            sent: sent.clone(),
        }
    }

    /// The scheme, host and prefix.
    pub(crate) const fn origin(&self) -> &RequestOrigin {
        &self.origin
    }

    /// The version segment between the origin and the resources: empty, or `/beta`.
    pub(crate) const fn version(&self) -> &'static str {
        self.version
    }

    /// The URL of a resource.
    pub(crate) fn resource(&self, path: &str) -> String {
        self.url("/", path)
    }

    /// The `@odata.context` of the service document.
    pub(crate) fn metadata(&self) -> String {
        self.resource("$metadata")
    }

    /// The `@odata.context` with this fragment.
    pub(crate) fn context(&self, fragment: &str) -> String {
        self.url("/$metadata#", fragment)
    }

    fn url(&self, separator: &str, end: &str) -> String {
        let origin = &self.origin;
        let (host, prefix) = (origin.host(), origin.prefix());
        [origin.scheme(), "://", host, prefix, self.version, separator, end].concat()
    }

    /// The URL of this request with another query.
    pub(crate) fn same_path(&self, query: &str) -> String {
        format!("{}{}?{query}", self.origin, self.sent.path())
    }
}

#[cfg(test)]
mod tests {
    use super::has_version;

    #[test]
    fn the_version_is_the_first_segment() {
        for path in ["/beta", "/beta/x", "/BETA?x", "/b%65ta/x", "/beta?x=/a"] {
            assert!(has_version(path), "{path}");
        }
        for path in ["", "/", "beta", "/betas", "/bet", "/x/beta", "/x?/beta", "?x/beta", "/%FF"] {
            assert!(!has_version(path), "{path}");
        }
    }
}
