//! Forwarded (RFC 7239), and X-Forwarded-Proto and -Host in its absence, as the outermost trusted proxy set them.
//!
//! Each proxy adds on the right what it saw on its left, so the list is read from the right for as long as the senders are
//! trusted: what stands further left is the client's own text.

use std::net::IpAddr;

use axum::http::HeaderMap;

/// The scheme and host that the client used.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Forwarded<'a> {
    pub(super) scheme: Option<&'static str>,
    pub(super) host: Option<&'a str>,
}

impl<'a> Forwarded<'a> {
    pub(super) fn from_headers(
        headers: &'a HeaderMap,
        is_trusted: impl Fn(IpAddr) -> bool,
    ) -> Self {
        let trusted_hops = |senders: &[Option<&str>]| {
            let mut addresses = senders.iter().rev().map(|sender| sender.and_then(address));
            let trusted = |sender: &Option<IpAddr>| sender.is_some_and(&is_trusted);
            addresses.by_ref().take_while(trusted).count()
        };
        let elements = list(headers, "forwarded");
        if elements.is_empty() {
            let senders: Vec<_> = list(headers, "x-forwarded-for")
                .into_iter()
                .map(Some)
                .collect();
            let hops = trusted_hops(&senders);
            let of = |name| outermost(&list(headers, name), hops);
            return Self {
                scheme: of("x-forwarded-proto").and_then(scheme),
                host: of("x-forwarded-host"),
            };
        }
        let senders: Vec<_> = elements
            .iter()
            .map(|element| parameter(element, "for"))
            .collect();
        let element = outermost(&elements, trusted_hops(&senders));
        let of = |name| element.and_then(|element| parameter(element, name));
        Self {
            scheme: of("proto").and_then(scheme),
            host: of("host"),
        }
    }
}

fn list<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
    let values = headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let elements = values.flat_map(|value| value.split(',')).map(str::trim);
    elements.filter(|element| !element.is_empty()).collect()
}

/// What the first of the trusted proxies added; a list that is shorter than the way has it at its beginning.
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
    ["http", "https"]
        .into_iter()
        .find(|known| text.eq_ignore_ascii_case(known))
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
        let Forwarded { scheme, host } =
            Forwarded::from_headers(&headers, |address| address.is_loopback());
        (scheme, host.map(str::to_owned))
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
            read(&[
                ("x-forwarded-proto", "https"),
                ("x-forwarded-host", "a.example")
            ]),
            expected("https", "a.example")
        );
        assert_eq!(read(&[]), (None, None));
        assert_eq!(read(&[("x-forwarded-proto", "gopher")]), (None, None));
    }

    #[test]
    fn what_the_client_put_in_front_is_not_believed() {
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
        assert_eq!(
            read(&[("forwarded", chain)]),
            expected("https", "a.example")
        );
        let chain = [
            ("x-forwarded-for", "203.0.113.9, 127.0.0.2, [::1]:80"),
            ("x-forwarded-proto", "https, http"),
            ("x-forwarded-host", "a.example"),
        ];
        assert_eq!(read(&chain), expected("https", "a.example"));
    }
}
