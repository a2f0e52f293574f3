//! The URLs of keys that a discovery document may name.

#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::bail;
use ipnet::Ipv4Net;
use reqwest::Url;

use crate::config::{is_loopback, trusted_url};

/// Parses a URL that a discovery document names. A remote issuer must not direct this server to its own machine or network, so a
/// host with an internal name or address is rejected unless the host of the document is internal too.
pub(super) fn discovered_url(text: &str, document: &Url) -> anyhow::Result<Url> {
    let url = trusted_url(text)?;
    if names_internal_host(&url) && !names_internal_host(document) {
        bail!(
            "{text:?} is on this machine or in a private network, and {document} is not; if that is intended, configure it as jwks_url"
        );
    }
    if url.scheme() == "http" && !is_loopback(document) {
        bail!("{text:?} is not https");
    }
    Ok(url)
}

/// Whether a URL contains an internal address or a name of this machine. Other names are checked when they are resolved.
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

/// The IPv4 networks that are not globally reachable (IANA's registry of special-purpose addresses), and multicast.
const INTERNAL: [Ipv4Net; 14] = [
    network([0, 0, 0, 0], 8),
    network([10, 0, 0, 0], 8),
    network([100, 64, 0, 0], 10),
    network([127, 0, 0, 0], 8),
    // Contains 169.254.169.254, where most clouds serve credentials to their virtual machines.
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

/// Whether an address belongs to this machine, to a private network, or otherwise not to the public internet.
pub(super) fn is_internal(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => INTERNAL.iter().any(|network| network.contains(&address)),
        IpAddr::V6(address) => match embedded(address) {
            Some(embedded) => is_internal(IpAddr::V4(embedded)),
            None => !is_global(address),
        },
    }
}

/// Global unicast addresses are 2000::/3, without those for documentation.
const fn is_global(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let is_documentation = segments[0] == 0x2001 && segments[1] == 0x0db8;
    segments[0] & 0xe000 == 0x2000 && !is_documentation
}

/// The IPv4 address that a gateway forwards to: NAT64 (RFC 6052) and 6to4 (RFC 3056).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let address = u128::from(address);
    // The shift moves the 32 bits of the IPv4 address to the end.
    let shift = match (address >> 32, address >> 112) {
        (0x0064_ff9b_0000_0000_0000_0000, _) => 0,
        (_, 0x2002) => 80,
        _ => return None,
    };
    let bits = u32::try_from((address >> shift) & u128::from(u32::MAX)).ok()?;
    Some(Ipv4Addr::from(bits))
}
