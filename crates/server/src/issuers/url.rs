//! Which URLs are trusted with an answer that decides who may do what.

#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::{Context as _, bail};
use ipnet::Ipv4Net;
use reqwest::Url;

/// A URL of https, or of http on a loopback host, without a user or password. The configuration may name any host.
pub(crate) fn trusted_url(text: &str) -> anyhow::Result<Url> {
    let url = Url::parse(text).with_context(|| format!("{text:?} is no URL"))?;
    if !url.username().is_empty() || url.password().is_some() {
        bail!("a URL with a user or password is not taken");
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        _ => bail!("{text:?} is not https, so anybody on the way could answer"),
    }
}

/// A URL that a document names. An issuer elsewhere must not send this server to its own machine or network: a host that is
/// internal by its name or literal address is refused unless the document's own host is.
pub(super) fn discovered_url(text: &str, document: &Url) -> anyhow::Result<Url> {
    let url = trusted_url(text)?;
    if names_internal_host(&url) && !names_internal_host(document) {
        bail!(
            "{text:?} is on this machine or in a private network, and {document} is not; if it is meant, configure it as jwks_url"
        );
    }
    if url.scheme() == "http" && !is_loopback(document) {
        bail!("{text:?} is not https");
    }
    Ok(url)
}

/// The URL standard spells hosts in lower case, and IPv4 with dots whatever was sent.
pub(super) fn is_loopback(url: &Url) -> bool {
    match host(url) {
        Some(Host::Address(address)) => address.to_canonical().is_loopback(),
        Some(Host::Name(name)) => name == "localhost",
        None => false,
    }
}

/// Whether a URL names an internal address, or this machine. What a name resolves to is looked at when it is connected to.
pub(super) fn names_internal_host(url: &Url) -> bool {
    match host(url) {
        Some(Host::Address(address)) => is_internal(address),
        Some(Host::Name(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        None => true,
    }
}

enum Host<'a> {
    Address(IpAddr),
    Name(&'a str),
}

fn host(url: &Url) -> Option<Host<'_>> {
    let host = url.host_str()?;
    let address = host.trim_start_matches('[').trim_end_matches(']').parse();
    Some(address.map_or(Host::Name(host), Host::Address))
}

/// The networks of IPv4 that are not reachable globally (IANA's registry of special-purpose addresses), and multicast.
const INTERNAL: [Ipv4Net; 14] = [
    network([0, 0, 0, 0], 8),
    network([10, 0, 0, 0], 8),
    network([100, 64, 0, 0], 10),
    network([127, 0, 0, 0], 8),
    // With 169.254.169.254, which tells the virtual machines of most clouds their credentials.
    network([169, 254, 0, 0], 16),
    network([172, 16, 0, 0], 12),
    network([192, 0, 0, 0], 24),
    network([192, 0, 2, 0], 24),
    network([192, 168, 0, 0], 16),
    network([198, 18, 0, 0], 15),
    network([198, 51, 100, 0], 24),
    network([203, 0, 113, 0], 24),
    network([224, 0, 0, 0], 4),
    network([240, 0, 0, 0], 4),
];

const fn network(octets: [u8; 4], length: u8) -> Ipv4Net {
    let [a, b, c, d] = octets;
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

/// Whether an address is of this machine, of a private network, or otherwise not of the public internet.
pub(super) fn is_internal(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => INTERNAL.iter().any(|network| network.contains(&address)),
        IpAddr::V6(address) => match embedded(address) {
            Some(embedded) => is_internal(IpAddr::V4(embedded)),
            None => !is_global(address),
        },
    }
}

/// The global unicast addresses are 2000::/3; documentation is not.
const fn is_global(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let is_documentation = segments[0] == 0x2001 && segments[1] == 0x0db8;
    segments[0] & 0xe000 == 0x2000 && !is_documentation
}

/// The address of IPv4 that a gateway forwards to: NAT64 (RFC 6052) and 6to4 (RFC 3056).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let address = u128::from(address);
    // The prefixes leave the wanted 32 bits at the end.
    let shift = match (address >> 32, address >> 112) {
        (0x0064_ff9b_0000_0000_0000_0000, _) => 0,
        (_, 0x2002) => 80,
        _ => return None,
    };
    let bits = u32::try_from((address >> shift) & u128::from(u32::MAX)).ok()?;
    Some(Ipv4Addr::from(bits))
}
