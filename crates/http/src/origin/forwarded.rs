//! Forwarded (RFC 7239), and X-Forwarded-Proto, -Host and -Port in its absence, as the outermost trusted proxy set them;
//! X-Forwarded-Prefix with either, because Forwarded has no such parameter.
//!
//! Each proxy appends what it saw, so the list is read from the right for as long as the senders are trusted: everything
//! further left is the client's own text.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName, header};

const PREFIX: &str = "x-forwarded-prefix";
/// The beginning of the names of the other headers.
const PREFIX_OF_NAMES: &str = "x-forwarded-";
/// The longest prefix, in bytes.
const MAX_PREFIX_BYTES: usize = 256;

/// The parts of the URL that the client used.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Forwarded<'a> {
    pub(super) scheme: Option<&'static str>,
    pub(super) host: Option<&'a str>,
    /// Used when the host names no port.
    pub(super) port: Option<u16>,
    /// The beginning of the path that the proxy removed: empty, or `/` and segments without a `/` at the end.
    pub(super) prefix: &'a str,
}

impl<'a> Forwarded<'a> {
    pub(super) fn from_headers(
        headers: &'a HeaderMap,
        is_trusted: impl Fn(IpAddr) -> bool,
    ) -> Self {
        // Without a proxy, and one look at each name is cheaper than a lookup of each of the six names.
        if !headers.keys().any(is_read) {
            return Self::default();
        }
        let trusted_hops = |senders: &[Option<&str>]| {
            let mut addresses = senders.iter().rev().map(|sender| sender.and_then(address));
            let trusted = |sender: &Option<IpAddr>| sender.is_some_and(&is_trusted);
            addresses.by_ref().take_while(trusted).count()
        };
        let elements = list(headers, "forwarded");
        if elements.is_empty() {
            let senders: Vec<_> = list(headers, "x-forwarded-for").into_iter().map(Some).collect();
            let hops = trusted_hops(&senders);
            let of = |name| outermost(&list(headers, name), hops);
            return Self {
                scheme: of("x-forwarded-proto").and_then(scheme),
                host: of("x-forwarded-host"),
                port: of("x-forwarded-port").and_then(port),
                prefix: of(PREFIX).and_then(prefix).unwrap_or_default(),
            };
        }
        let senders: Vec<_> = elements.iter().map(|element| parameter(element, "for")).collect();
        let hops = trusted_hops(&senders);
        let element = outermost(&elements, hops);
        let of = |name| element.and_then(|element| parameter(element, name));
        Self {
            scheme: of("proto").and_then(scheme),
            host: of("host"),
            port: None,
            prefix: outermost(&list(headers, PREFIX), hops).and_then(prefix).unwrap_or_default(),
        }
    }
}

/// The address of the client: the last of the senders that is not a trusted proxy. With `peer` alone, or from a peer that
/// is not trusted, it is the peer itself.
pub(super) fn client(
    headers: &HeaderMap,
    peer: IpAddr,
    is_trusted: impl Fn(IpAddr) -> bool,
) -> IpAddr {
    let elements = list(headers, "forwarded");
    let senders: Vec<Option<&str>> = match elements.is_empty() {
        true => list(headers, "x-forwarded-for").into_iter().map(Some).collect(),
        false => elements.iter().map(|element| parameter(element, "for")).collect(),
    };
    let mut client = peer;
    for sender in senders.into_iter().rev() {
        let Some(sender) = sender.and_then(address).filter(|_| is_trusted(client)) else {
            break;
        };
        client = sender;
    }
    client
}

/// Whether a header may be one of those that are read here.
fn is_read(name: &HeaderName) -> bool {
    *name == header::FORWARDED || name.as_str().starts_with(PREFIX_OF_NAMES)
}

fn list<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    let elements = values.flat_map(|value| value.split(',')).map(str::trim);
    elements.filter(|element| !element.is_empty()).collect()
}

/// The value that the first of the trusted proxies added; in a list with fewer values than hops it is the first one.
fn outermost<'a>(values: &[&'a str], trusted_hops: usize) -> Option<&'a str> {
    let last = values.len().checked_sub(1)?;
    values.get(last.saturating_sub(trusted_hops)).copied()
}

fn parameter<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(sent, _)| sent.trim().eq_ignore_ascii_case(name))?;
    Some(value.trim().trim_matches('"'))
}

fn scheme(text: &str) -> Option<&'static str> {
    ["http", "https"].into_iter().find(|known| text.eq_ignore_ascii_case(known))
}

/// A TCP port in decimal digits.
pub(super) fn port(text: &str) -> Option<u16> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| is_number && *port != 0)
}

/// A path of unreserved characters (RFC 3986, section 2.3), so that nothing in it needs an escape, in a header or in JSON,
/// and no client resolves it to another path.
fn prefix(text: &str) -> Option<&str> {
    let path = text.strip_suffix('/').unwrap_or(text);
    let is_unreserved =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    let is_segment =
        |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(is_unreserved);
    let is_usable =
        path.len() <= MAX_PREFIX_BYTES && path.strip_prefix('/')?.split('/').all(is_segment);
    is_usable.then_some(path)
}

/// An address with or without brackets and port.
fn address(sender: &str) -> Option<IpAddr> {
    let bare = match sender.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next()?,
        None if sender.matches(':').count() == 1 => sender.split(':').next()?,
        None => sender,
    };
    bare.parse().ok()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn read(headers: &[(&'static str, &'static str)]) -> (Option<&'static str>, Option<String>) {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
            .collect();
        let Forwarded { scheme, host, .. } =
            Forwarded::from_headers(&headers, |address| address.is_loopback());
        (scheme, host.map(str::to_owned))
    }

    #[test]
    fn the_client_is_the_last_sender_before_the_trusted_proxies() {
        let client = |peer: &str, headers: &[(&'static str, &'static str)]| {
            let headers = headers.iter();
            let headers = headers
                .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
                .collect();
            client(&headers, peer.parse().unwrap(), |address| address.is_loopback()).to_string()
        };
        let chain = [("x-forwarded-for", "198.51.100.1, 203.0.113.9, 127.0.0.2")];
        assert_eq!(client("127.0.0.1", &chain), "203.0.113.9");
        assert_eq!(client("192.0.2.1", &chain), "192.0.2.1");
        assert_eq!(client("127.0.0.1", &[]), "127.0.0.1");
        assert_eq!(client("127.0.0.1", &[("x-forwarded-for", "127.0.0.3")]), "127.0.0.3");
        assert_eq!(client("127.0.0.1", &[("x-forwarded-for", "203.0.113.9, ?")]), "127.0.0.1");
        let forwarded = [("forwarded", "for=198.51.100.1, for=\"[2001:db8::1]:4711\"")];
        assert_eq!(client("127.0.0.1", &forwarded), "2001:db8::1");
    }

    fn expected(scheme: &'static str, host: &str) -> (Option<&'static str>, Option<String>) {
        (Some(scheme), Some(host.to_owned()))
    }

    #[test]
    fn either_spelling_gives_scheme_and_host() {
        assert_eq!(
            read(&[(
                "forwarded",
                "For=\"[2001:db8::1]:4711\";Proto=HTTPS;Host=\"a.example:8443\""
            )]),
            expected("https", "a.example:8443")
        );
        assert_eq!(
            read(&[("x-forwarded-proto", "https"), ("x-forwarded-host", "a.example")]),
            expected("https", "a.example")
        );
        assert_eq!(read(&[]), (None, None));
        assert_eq!(read(&[("x-forwarded-proto", "gopher")]), (None, None));
    }

    #[test]
    fn the_values_of_the_client_itself_are_ignored() {
        assert_eq!(
            read(&[(
                "forwarded",
                "host=evil;proto=http, for=203.0.113.9;host=a.example;proto=https"
            )]),
            expected("https", "a.example")
        );
        let spoofed = [
            ("x-forwarded-for", "127.0.0.1, 203.0.113.9"),
            ("x-forwarded-proto", "http, https"),
            ("x-forwarded-host", "evil, a.example"),
        ];
        assert_eq!(read(&spoofed), expected("https", "a.example"));
    }

    #[test]
    fn the_outermost_of_several_trusted_proxies_counts() {
        let chain = "for=203.0.113.9;host=a.example;proto=https, for=\"127.0.0.1:99\";host=inner;proto=http";
        assert_eq!(read(&[("forwarded", chain)]), expected("https", "a.example"));
        let chain = [
            ("x-forwarded-for", "203.0.113.9, 127.0.0.2, [::1]:80"),
            ("x-forwarded-proto", "https, http"),
            ("x-forwarded-host", "a.example"),
        ];
        assert_eq!(read(&chain), expected("https", "a.example"));
    }

    /// The port and the prefix.
    fn port_and_prefix(headers: &[(&'static str, &'static str)]) -> (Option<u16>, String) {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
            .collect();
        let Forwarded { port, prefix, .. } =
            Forwarded::from_headers(&headers, |address| address.is_loopback());
        (port, prefix.to_owned())
    }

    #[test]
    fn a_port_is_a_number_of_tcp() {
        for (sent, expected) in [
            ("8443", Some(8443)),
            ("65535", Some(65535)),
            ("0", None),
            ("65536", None),
            ("+80", None),
            ("80a", None),
            ("-1", None),
        ] {
            let read = port_and_prefix(&[("x-forwarded-port", sent)]);
            assert_eq!(read, (expected, String::new()), "{sent}");
        }
    }

    #[test]
    fn a_prefix_is_a_plain_path() {
        for (sent, expected) in [
            ("/flows", "/flows"),
            ("/a/b-c_d~e.f", "/a/b-c_d~e.f"),
            ("/flows/", "/flows"),
            ("/", ""),
            ("flows", ""),
            ("//evil.example", ""),
            ("/a//b", ""),
            ("/a//", ""),
            ("/..", ""),
            ("/a/../b", ""),
            ("/./a", ""),
            ("/a%2Fb", ""),
            ("/a?b", ""),
            ("/a#b", ""),
            ("/a b", ""),
            ("/a\\b", ""),
            ("/a@b", ""),
            ("/a\"b", ""),
            ("https://evil.example", ""),
        ] {
            let read = port_and_prefix(&[("x-forwarded-prefix", sent)]);
            assert_eq!(read, (None, expected.to_owned()), "{sent}");
        }
        let long: &'static str = format!("/{}", "a".repeat(MAX_PREFIX_BYTES)).leak();
        assert_eq!(port_and_prefix(&[("x-forwarded-prefix", long)]).1, "");
    }

    #[test]
    fn port_and_prefix_are_read_from_the_outermost_trusted_proxy_too() {
        let chain = [
            ("x-forwarded-for", "203.0.113.9, 127.0.0.2"),
            ("x-forwarded-port", "1, 8443, 80"),
            ("x-forwarded-prefix", "/evil, /outer, /inner"),
        ];
        assert_eq!(port_and_prefix(&chain), (Some(8443), "/outer".to_owned()));
        let with_forwarded = [
            ("forwarded", "for=203.0.113.9;host=a.example:8443"),
            ("x-forwarded-prefix", "/evil, /flows"),
            ("x-forwarded-port", "1"),
        ];
        assert_eq!(port_and_prefix(&with_forwarded), (None, "/flows".to_owned()));
    }
}
