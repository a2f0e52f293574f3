//! The page to which a person returns after the sign-in.

use std::fmt;

/// The overview.
const HOME: &str = "/ui";
/// A longer address is not kept: the cookie that holds it has a limit.
const MAX_BYTES: usize = 1800;
/// Addresses that lead nowhere after a sign-in.
const OF_SIGN_IN: [&str; 4] = ["/ui/sign-in", "/ui/callback", "/ui/open", "/ui/sign-out"];

/// The path and query of a page of the dashboard, without the prefix of a proxy. No browser resolves it to another host.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct NextPath(String);

impl NextPath {
    /// The overview.
    pub(super) fn home() -> Self {
        Self(HOME.to_owned())
    }

    /// What a client sent, if it is the address of a page.
    ///
    /// Browsers treat `\` as `/`, drop control characters, resolve `..` (also as `%2e%2e`), and read `//` as the beginning of a
    /// host. None of the paths of the dashboard contains any of these, nor a `%`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let path = text.split('?').next()?;
        let is_below_home =
            path.strip_prefix(HOME).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte);
        let is_safe_in_query =
            |byte: u8| byte.is_ascii_graphic() && !br#"\#"<>^`{|}"#.contains(&byte);
        let is_usable = text.len() <= MAX_BYTES
            && is_below_home
            && path.bytes().all(is_plain)
            && !path.contains("//")
            && !path.split('/').any(|segment| matches!(segment, "." | ".."))
            && text.bytes().all(is_safe_in_query)
            && !OF_SIGN_IN.contains(&path);
        is_usable.then(|| Self(text.to_owned()))
    }

    /// As [`Self::parse`], and the overview for any other text.
    pub(super) fn or_home(text: Option<&str>) -> Self {
        text.and_then(Self::parse).unwrap_or_else(Self::home)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NextPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use reqwest::Url;

    use super::*;

    #[test]
    fn pages_are_accepted_with_their_parameters() {
        for text in [
            "/ui",
            "/ui/",
            "/ui?show=late",
            "/ui/runs?status=failed,running&since=24h",
            "/ui/flows/0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e/runs/0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8f",
            "/ui/runs?name=%C3%A4%2F..%2F&after=a+b",
            "/ui/runs?name=https://example.com//",
        ] {
            assert_eq!(NextPath::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn other_addresses_become_the_overview() {
        for text in [
            "",
            "/",
            "ui",
            "/uix",
            "/UI",
            "//evil.example/ui",
            "/ui//evil.example",
            "https://evil.example/ui",
            "/\\evil.example",
            "/ui\\..\\evil",
            "/ui/../industryData",
            "/ui/./runs",
            "/ui/%2e%2e/docs",
            "/ui/%2f%2fevil.example",
            "/ui/%0d%0aset-cookie:a=b",
            "/ui/\r\nset-cookie:a=b",
            "/ui/\tx",
            "/ui ",
            " /ui",
            "/ui/ä",
            "/ui?name=\u{202e}",
            "/ui#fragment",
            "/ui?x=\\",
            "javascript:alert(1)",
            "/ui/sign-in",
            "/ui/sign-in?next=/ui",
            "/ui/sign-out",
            "/ui/callback?code=a&state=b",
            "/ui/open?code=a",
        ] {
            assert_eq!(NextPath::or_home(Some(text)), NextPath::home(), "{text:?}");
        }
        let long = format!("/ui?name={}", "a".repeat(MAX_BYTES));
        assert_eq!(NextPath::or_home(Some(&long)), NextPath::home());
        assert_eq!(NextPath::or_home(None), NextPath::home());
    }

    proptest! {
        #[test]
        fn an_accepted_address_stays_on_its_host_and_below_ui(
            text in prop_oneof![
                "\\PC{0,40}",
                "/ui[/\\\\.%?#a-z0-9:@]{0,30}",
                "/ui(/|//|\\.\\.|%2e|%2f|%5c|\\\\|@|:|\\?|evil\\.example){0,8}",
            ],
            prefix in prop_oneof![Just(""), Just("/team"), Just("/a/b")],
        ) {
            if let Some(next) = NextPath::parse(&text) {
                let base = Url::parse("https://flows.example/x/y?z").unwrap();
                let resolved = base.join(&format!("{prefix}{next}")).unwrap();
                prop_assert_eq!(resolved.host_str(), Some("flows.example"));
                prop_assert_eq!(resolved.scheme(), "https");
                let below = format!("{prefix}/ui");
                prop_assert!(resolved.path().starts_with(&below), "{}", resolved);
            }
        }
    }
}
