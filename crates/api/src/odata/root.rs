//! Where the client sees the service, for absolute links.

use axum::http::{HeaderMap, Uri, header};

/// The service root that a request was sent to, such as `http://127.0.0.1:8080/beta`.
#[derive(Clone, Debug)]
pub(crate) struct ServiceRoot {
    origin: String,
    version: &'static str,
    sent_path: String,
}

impl ServiceRoot {
    pub(crate) fn new(uri: &Uri, headers: &HeaderMap, sent_path: &str) -> Self {
        let host = uri.authority().map(|authority| authority.as_str());
        let host = host.or_else(|| headers.get(header::HOST)?.to_str().ok());
        let host = host.filter(|host| is_host(host)).unwrap_or("localhost");
        let version = if sent_path.starts_with("/beta/") {
            "/beta"
        } else {
            ""
        };
        Self {
            origin: format!("http://{host}"),
            version,
            sent_path: sent_path.to_owned(),
        }
    }

    /// `/beta`, or nothing.
    pub(crate) const fn version(&self) -> &'static str {
        self.version
    }

    /// The address of a resource.
    pub(crate) fn resource(&self, path: &str) -> String {
        format!("{}{}/{path}", self.origin, self.version)
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

/// A host header is the client's text: only what a host and port consist of is repeated in a link.
fn is_host(text: &str) -> bool {
    let is_part = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']')
    };
    !text.is_empty() && text.bytes().all(is_part)
}
