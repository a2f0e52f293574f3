//! Where the client sees the service, for absolute links.

use axum::http::request::Parts;
use ipnet::IpNet;
use percent_encoding::percent_decode_str;

use super::{key_path::SentPath, origin::Origin};

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
        let first = sent_path.split('/').nth(1).unwrap_or_default();
        let is_beta = percent_decode_str(first)
            .decode_utf8_lossy()
            .eq_ignore_ascii_case("beta");
        Self {
            origin: Origin::of(parts, trusted),
            version: if is_beta { "/beta" } else { "" },
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
