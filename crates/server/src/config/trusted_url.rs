//! URLs from which the keys of an issuer may be fetched: the server that provides them decides which tokens are valid.

use std::net::IpAddr;

use anyhow::{Context as _, bail};
use reqwest::Url;

/// Parses a URL with https, or with http on a loopback host, without a user or password. The configuration may name any host.
pub(crate) fn trusted_url(text: &str) -> anyhow::Result<Url> {
    let url = Url::parse(text).with_context(|| format!("{text:?} is not a URL"))?;
    if !url.username().is_empty() || url.password().is_some() {
        bail!("a URL with a user or password is not accepted");
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        _ => bail!("{text:?} is not https, so the keys could be replaced on their way"),
    }
}

/// The parser of URLs has normalised the host: names are in lower case, and IPv4 addresses have four decimal numbers.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else {
        return false;
    };
    let address = host.trim_start_matches('[').trim_end_matches(']');
    match address.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_name) => host == "localhost",
    }
}

#[cfg(test)]
mod tests {
    use super::trusted_url;

    #[test]
    fn a_configured_url_is_https_or_http_on_loopback() {
        for text in [
            "https://issuer.example/keys",
            "https://10.1.2.3/keys",
            "https://localhost/keys",
            "http://localhost:8080/keys",
            "http://127.0.0.1:1/keys",
            "http://[::1]/keys",
        ] {
            assert!(trusted_url(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "issuer.example",
            "http://issuer.example/keys",
            "http://10.1.2.3/keys",
            "http://localhost.example/keys",
            "http://127.0.0.1.example/keys",
            "https://me@issuer.example/",
            "https://:password@issuer.example/",
            "file:///etc/passwd",
            "ftp://localhost/keys",
            "data:application/json,{}",
        ] {
            assert!(trusted_url(text).is_err(), "{text}");
        }
    }
}
