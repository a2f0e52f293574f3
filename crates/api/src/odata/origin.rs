//! The scheme and host that the client used.

use std::{
    fmt,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::http::{Extensions, HeaderMap, Request, header, request::Parts};
use ipnet::IpNet;

use super::forwarded::Forwarded;

/// Who sent a request: the address of the connection's other end. Whoever accepts connections puts it into the extensions
/// of each request; without it no proxy is trusted.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// That a request came over TLS which ended in this process. Whoever accepts connections puts it into the extensions.
#[derive(Clone, Copy, Debug)]
pub struct OverTls;

/// Whether any request of a connection has carried a valid token: an extension that all requests of the connection share. The
/// server that sets it closes other connections first.
#[derive(Clone, Debug, Default)]
pub struct ConnectionAuthentication(Arc<AtomicBool>);

impl ConnectionAuthentication {
    /// A request has carried a valid token.
    pub fn confirm(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether one has.
    pub fn is_confirmed(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Scheme and host, such as `https://flows.example.com`. The items of a batch carry that of the batch.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    scheme: &'static str,
    host: String,
}

impl Origin {
    /// What a trusted proxy says, else the host that the request names.
    pub(super) fn of(parts: &Parts, trusted: &[IpNet]) -> Self {
        if let Some(origin) = parts.extensions.get::<Self>() {
            return origin.clone();
        }
        let forwarded = forwarded(&parts.headers, &parts.extensions, trusted);
        let authority = parts.uri.authority().map(|authority| authority.as_str());
        let sent = authority.or_else(|| parts.headers.get(header::HOST)?.to_str().ok());
        let mut hosts = [forwarded.host, sent].into_iter().flatten();
        Self {
            scheme: forwarded.scheme.unwrap_or(own_scheme(&parts.extensions)),
            host: hosts
                .find(|host| is_host(host))
                .unwrap_or("localhost")
                .to_owned(),
        }
    }

    /// Whether the client came by TLS, to this server or as a trusted proxy says.
    pub(crate) fn is_https<B>(request: &Request<B>, trusted: &[IpNet]) -> bool {
        let forwarded = forwarded(request.headers(), request.extensions(), trusted);
        let own = own_scheme(request.extensions());
        forwarded.scheme.unwrap_or(own) == "https"
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)
    }
}

fn own_scheme(extensions: &Extensions) -> &'static str {
    match extensions.get::<OverTls>() {
        Some(OverTls) => "https",
        None => "http",
    }
}

/// What a trusted proxy says; nothing when there is none.
fn forwarded<'a>(
    headers: &'a HeaderMap,
    extensions: &Extensions,
    trusted: &[IpNet],
) -> Forwarded<'a> {
    let is_trusted = |address: IpAddr| {
        trusted
            .iter()
            .any(|network| network.contains(&address.to_canonical()))
    };
    let peer = extensions.get::<Peer>();
    if peer.is_some_and(|Peer(address)| is_trusted(*address)) {
        Forwarded::from_headers(headers, is_trusted)
    } else {
        Forwarded::default()
    }
}

/// A host header is the client's text: only what a host and port consist of is repeated in a link.
fn is_host(text: &str) -> bool {
    let is_part = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']')
    };
    !text.is_empty() && text.bytes().all(is_part)
}
