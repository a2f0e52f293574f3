//! The cookies of the dashboard: their names, and how they are read and set.

use axum::http::{HeaderMap, HeaderValue, header};
use flowruns_http::RequestOrigin;

/// How many cookies of one name are looked at. A browser sends several when they were set for different paths or domains.
const MAX_SAME_NAME: usize = 4;

/// What the transport of a request allows its cookies to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Transport {
    /// Cookies are `Secure` and have the prefix `__Host-`: browsers accept them from this host over https only, so that neither
    /// another host of the domain nor a page over http can set them.
    Https,
    /// Plain http on this machine, where no such cookie can be set.
    Loopback,
}

impl Transport {
    /// How this request arrived; `None` over http from elsewhere, where a cookie could be read on its way.
    pub(super) fn of(origin: &RequestOrigin) -> Option<Self> {
        match origin.scheme() {
            "https" => Some(Self::Https),
            _ => is_loopback_host(origin.host()).then_some(Self::Loopback),
        }
    }

    /// The transports of which a request may carry cookies, by its headers alone. With http on loopback the headers name a
    /// loopback host; a proxy on the same machine may have terminated TLS all the same.
    pub(super) fn possible(headers: &HeaderMap) -> impl Iterator<Item = Self> + use<> {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let loopback = host.is_some_and(is_loopback_host).then_some(Self::Loopback);
        [Self::Https].into_iter().chain(loopback)
    }

    /// The whole name of a cookie.
    pub(super) fn name(self, name: &str) -> String {
        match self {
            Self::Https => format!("__Host-{name}"),
            Self::Loopback => name.to_owned(),
        }
    }

    /// A cookie that the browser keeps for `seconds`, or until it ends. `value` has no characters that a cookie excludes.
    pub(super) fn set(self, name: &str, value: &str, seconds: Option<u32>) -> Option<HeaderValue> {
        let secure = match self {
            Self::Https => "; Secure",
            Self::Loopback => "",
        };
        let age = seconds.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
        let name = self.name(name);
        let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}");
        HeaderValue::try_from(text).ok()
    }

    /// Makes the browser forget a cookie.
    pub(super) fn remove(self, name: &str) -> Option<HeaderValue> {
        self.set(name, "", Some(0))
    }
}

/// The values of the cookies of this whole name.
pub(super) fn values<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    pairs(headers)
        .filter(move |(sent, _)| *sent == name)
        .map(|(_, value)| value)
        .take(MAX_SAME_NAME)
}

/// All cookies: names and values.
pub(super) fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let cookies = lines.flat_map(|line| line.split(';'));
    cookies.filter_map(|cookie| cookie.trim().split_once('='))
}

fn is_loopback_host(host: &str) -> bool {
    let url = reqwest::Url::parse(&format!("http://{host}"));
    url.is_ok_and(|url| crate::config::is_loopback(&url))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn a_cookie_over_https_is_bound_to_its_host_and_one_on_loopback_is_not() {
        let set = |transport: Transport| transport.set("flowruns", "x", Some(9)).unwrap();
        let expected = "__Host-flowruns=x; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=9";
        assert_eq!(set(Transport::Https), expected);
        let expected = "flowruns=x; Path=/; HttpOnly; SameSite=Lax; Max-Age=9";
        assert_eq!(set(Transport::Loopback), expected);
        let session = Transport::Loopback.set("flowruns", "x", None).unwrap();
        assert_eq!(session, "flowruns=x; Path=/; HttpOnly; SameSite=Lax");
    }

    #[test]
    fn a_value_with_a_line_end_is_not_set() {
        assert_eq!(Transport::Https.set("flowruns", "x\r\nSet-Cookie: y=z", None), None);
    }

    #[test]
    fn cookies_are_read_from_all_lines_and_by_their_exact_name() {
        let headers = headers(&[
            ("cookie", "theme=dark; flowruns=a;flowruns=b"),
            ("cookie", "Flowruns=c; flowruns2=d; flowruns; flowruns=e=f"),
        ]);
        assert_eq!(values(&headers, "flowruns").collect::<Vec<_>>(), ["a", "b", "e=f"]);
        assert_eq!(values(&headers, "none").count(), 0);
    }

    #[test]
    fn plain_cookies_count_only_for_a_host_of_this_machine() {
        let possible = |host: &'static str| {
            Transport::possible(&headers(&[("host", host)])).collect::<Vec<_>>()
        };
        for host in ["127.0.0.1:8080", "localhost", "[::1]:8080"] {
            assert_eq!(possible(host), [Transport::Https, Transport::Loopback], "{host}");
        }
        for host in ["flows.example", "127.0.0.1.example", "10.1.2.3", ""] {
            assert_eq!(possible(host), [Transport::Https], "{host}");
        }
    }
}
