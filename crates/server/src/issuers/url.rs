//! Which URLs are trusted with an answer that decides who may do what.

use anyhow::{Context as _, bail};
use reqwest::Url;

/// A URL of https, or of http on a loopback host, without a user or password.
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

pub(super) fn is_loopback(url: &Url) -> bool {
    // As the URL standard spells it: in lower case, IPv4 with dots, IPv6 in brackets.
    let Some(host) = url.host_str() else {
        return false;
    };
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let address = address.parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}
