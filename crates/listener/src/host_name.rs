//! The syntax of a host with an optional port (RFC 9110, section 7.2). Links that are built from a valid host are valid URLs.

use std::net::Ipv6Addr;

/// The longest name in the DNS.
const MAX_NAME_BYTES: usize = 255;

/// Whether this is a name or an address, optionally with a port, and without user information.
pub(crate) fn is_valid(host: &[u8]) -> bool {
    let Ok(host) = std::str::from_utf8(host) else {
        return false;
    };
    if let Some(rest) = host.strip_prefix('[') {
        let Some((address, port)) = rest.split_once(']') else {
            return false;
        };
        let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return address.parse::<Ipv6Addr>().is_ok() && is_port;
    }
    match host.split_once(':') {
        None => is_name(host),
        Some((name, port)) => is_name(name) && is_port(port),
    }
}

/// An empty port means the default port (RFC 3986, section 3.2.3).
fn is_port(port: &str) -> bool {
    port.is_empty()
        || (port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok())
}

/// Labels separated by dots, with an optional dot at the end. Underscores are allowed, since container names have them.
fn is_name(name: &str) -> bool {
    let labels = name.strip_suffix('.').unwrap_or(name);
    let is_label = |label: &[u8]| {
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        !label.is_empty() && label.iter().all(is_plain)
    };
    name.len() <= MAX_NAME_BYTES && labels.as_bytes().split(|byte| *byte == b'.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::is_valid;

    #[test]
    fn names_and_addresses_are_valid_with_and_without_a_port() {
        for host in [
            "localhost",
            "runs.example.com",
            "runs.example.com.:8443",
            "my_service:8080",
            "xn--bcher-kva.example",
            "127.0.0.1:8080",
            "[::1]",
            "[2001:db8::1]:443",
            "localhost:",
        ] {
            assert!(is_valid(host.as_bytes()), "{host}");
        }
    }

    #[test]
    fn other_texts_are_invalid() {
        let long = "a".repeat(256);
        for host in [
            "",
            ".",
            ":80",
            "a..b",
            ".a",
            "a b",
            "user@host",
            "user:password@host",
            "a:port",
            "a:65536",
            "a:-1",
            "a:80:81",
            "a/b",
            "a,b",
            "::1",
            "[::1",
            "[::1]8080",
            "[host]",
            "b\u{fc}cher",
            "a%20b",
            &long,
        ] {
            assert!(!is_valid(host.as_bytes()), "{host}");
        }
        assert!(!is_valid(b"\xff"));
    }
}
