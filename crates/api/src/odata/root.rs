//! Where the client sees the service, for absolute links.

use axum::http::request::Parts;
use ipnet::IpNet;
use percent_encoding::percent_decode_str;

use super::{key_path::SentPath, origin::Origin};

const BETA: &str = "/beta";

/// Whether the first segment of a path, which a query may follow, is the version: in any case, and percent-encoded or not.
pub(crate) fn has_version(path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    let segment = path.split('/').nth(1).unwrap_or_default();
    let segment = percent_decode_str(segment).decode_utf8_lossy();
    segment.eq_ignore_ascii_case(&BETA[1..])
}

/// The service root that a request was sent to, such as `http://127.0.0.1:8080/beta`, as the client sees it.
#[derive(Clone, Debug)]
pub(crate) struct ServiceRoot {
    origin: Origin,
    version: &'static str,
    sent_path: String,
}

impl ServiceRoot {
    /// The root of a request that came directly or through `trusted` proxies.
    pub(crate) fn of(parts: &Parts, trusted: &[IpNet]) -> Self {
        let sent = parts.extensions.get::<SentPath>();
        let sent_path = sent.map_or(parts.uri.path(), |sent| sent.0.as_str());
        Self {
            origin: Origin::of(parts, trusted),
            version: if has_version(sent_path) { BETA } else { "" },
            sent_path: sent_path.to_owned(),
        }
    }

    /// The scheme, host and prefix.
    pub(crate) const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// What stands between the origin and the resources: nothing, or `/beta`.
    pub(crate) const fn version(&self) -> &'static str {
        self.version
    }

    /// The address of a resource.
    pub(crate) fn resource(&self, path: &str) -> String {
        format!("{}{}/{path}", self.origin, self.version)
    }

    /// The `@odata.context` of the service document.
    pub(crate) fn metadata(&self) -> String {
        self.resource("$metadata")
    }

    /// The `@odata.context` of what is at `fragment`.
    pub(crate) fn context(&self, fragment: &str) -> String {
        format!("{}{}/$metadata#{fragment}", self.origin, self.version)
    }

    /// This request's address with another query.
    pub(crate) fn same_path(&self, query: &str) -> String {
        format!("{}{}?{query}", self.origin, self.sent_path)
    }
}
