//! The scheme, host and path prefix that the client used.

mod forwarded;

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

use axum::http::{Extensions, HeaderMap, Request, header, request::Parts};
use ipnet::IpNet;

use self::forwarded::Forwarded;
use crate::connection::{OverTls, Peer};

/// The part of the client's URL before the path that this server sees, such as `https://flows.example.com/team`. As an
/// extension of a request it replaces what the request itself says: the items of a batch have that of the batch.
#[derive(Clone, Debug)]
pub struct RequestOrigin {
    scheme: &'static str,
    /// With a port, unless it is the default of the scheme.
    host: String,
    /// The beginning of the path that a proxy removed: empty, or `/` and segments.
    prefix: String,
}

impl RequestOrigin {
    /// The origin of a request: what a proxy in one of the `trusted` networks says, else the host that the request names.
    pub fn of(parts: &Parts, trusted: &[IpNet]) -> Self {
        if let Some(origin) = parts.extensions.get::<Self>() {
            return origin.clone();
        }
        let forwarded = from_proxy(&parts.headers, &parts.extensions, trusted);
        let scheme = forwarded.scheme.unwrap_or(own_scheme(&parts.extensions));
        let authority = parts.uri.authority().map(|authority| authority.as_str());
        let sent = authority.or_else(|| parts.headers.get(header::HOST)?.to_str().ok());
        let mut hosts = [forwarded.host, sent].into_iter().flatten();
        let host = hosts.find_map(HostAndPort::parse);
        let host = host.unwrap_or(HostAndPort { name: "localhost", port: None });
        Self {
            scheme,
            host: host.shown(scheme, forwarded.port),
            prefix: forwarded.prefix.to_owned(),
        }
    }

    /// Whether the client used TLS, to this server or as a trusted proxy says.
    pub(crate) fn is_https<B>(request: &Request<B>, trusted: &[IpNet]) -> bool {
        let forwarded = from_proxy(request.headers(), request.extensions(), trusted);
        let own = own_scheme(request.extensions());
        forwarded.scheme.unwrap_or(own) == "https"
    }

    /// Whether the host and port of an absolute URL with this scheme are those of this origin.
    pub fn has_host(&self, scheme: &str, host: &str) -> bool {
        let shown = HostAndPort::parse(host).map(|host| host.shown(scheme, None));
        shown.is_some_and(|shown| shown.eq_ignore_ascii_case(&self.host))
    }

    /// `http` or `https`.
    pub const fn scheme(&self) -> &'static str {
        self.scheme
    }

    /// The host, with a port unless it is the default of the scheme.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The beginning of the path that proxies removed: empty, or `/` and segments.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }
}

/// The address of the client: what trusted proxies report, else `peer`, the address of the connection.
pub fn client_address(headers: &HeaderMap, peer: IpAddr, trusted: &[IpNet]) -> IpAddr {
    let is_trusted =
        |address: IpAddr| trusted.iter().any(|network| network.contains(&address.to_canonical()));
    forwarded::client(headers, peer, is_trusted).to_canonical()
}

/// A host and port as the client wrote them, validated: they are repeated in links.
struct HostAndPort<'a> {
    name: &'a str,
    port: Option<u16>,
}

impl<'a> HostAndPort<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => (name, Some(forwarded::port(port)?)),
            Some(_) | None => (text, None),
        };
        is_host_name(name).then_some(Self { name, port })
    }

    /// As a link shows it. A port of its own wins over the one that a proxy names: a proxy that keeps the client's Host keeps
    /// its port, while X-Forwarded-Port may be a port that only the proxy knows.
    fn shown(&self, scheme: &str, other_port: Option<u16>) -> String {
        match self.port.or(other_port) {
            Some(port) if port != default_port(scheme) => format!("{}:{port}", self.name),
            Some(_) | None => self.name.to_owned(),
        }
    }
}

fn default_port(scheme: &str) -> u16 {
    match scheme.eq_ignore_ascii_case("https") {
        true => 443,
        false => 80,
    }
}

impl fmt::Display for RequestOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.host, self.prefix)
    }
}

fn own_scheme(extensions: &Extensions) -> &'static str {
    match extensions.get::<OverTls>() {
        Some(OverTls) => "https",
        None => "http",
    }
}

/// What a trusted proxy says; empty when the request came directly or from another proxy.
fn from_proxy<'a>(
    headers: &'a HeaderMap,
    extensions: &Extensions,
    trusted: &[IpNet],
) -> Forwarded<'a> {
    let is_trusted =
        |address: IpAddr| trusted.iter().any(|network| network.contains(&address.to_canonical()));
    let peer = extensions.get::<Peer>();
    if peer.is_some_and(|Peer(address)| is_trusted(*address)) {
        Forwarded::from_headers(headers, is_trusted)
    } else {
        Forwarded::default()
    }
}

fn is_host_name(text: &str) -> bool {
    let address = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    if let Some(address) = address {
        return address.parse::<Ipv6Addr>().is_ok();
    }
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    !text.is_empty() && text.bytes().all(is_part)
}
