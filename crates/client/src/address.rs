//! The base URL of a server, and the URLs below it.

use std::net::IpAddr;

use flowruns_domain::id::{FlowId, RunId};
use reqwest::Url;
use thiserror::Error;

/// Why a URL is not used as the address of a server.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum AddressError {
    /// It is no URL.
    #[error("{0:?} is not a URL; an address looks like https://flowruns.example")]
    Malformed(String),
    /// Neither http nor https.
    #[error("the address {0} is neither http nor https")]
    OtherScheme(String),
    /// Without encryption, and not this machine: anyone between could read the token.
    #[error(
        "the address {0} is http and not on this machine, so the token could be read on its way; use https, or allow plain HTTP"
    )]
    PlainHttp(String),
    /// It has a user, a password, a query or a fragment.
    #[error("an address has no user, password, query or fragment")]
    MoreThanAddress,
}

/// The base URL of a server: https, or http on this machine.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ServerAddress(Url);

/// The flow and the id of a run.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct RunAddress {
    /// The flow.
    pub flow: FlowId,
    /// The run, unique within the flow.
    pub run: RunId,
}

impl ServerAddress {
    /// Checks a base URL. `allow_plain_http` accepts http of other machines too.
    pub(crate) fn new(mut url: Url, allow_plain_http: bool) -> Result<Self, AddressError> {
        let is_more = !url.username().is_empty()
            || url.password().is_some()
            || url.query().is_some()
            || url.fragment().is_some();
        if is_more {
            return Err(AddressError::MoreThanAddress);
        }
        match url.scheme() {
            "https" => {}
            "http" if allow_plain_http || is_loopback(&url) => {}
            "http" => return Err(AddressError::PlainHttp(url.to_string())),
            _ => return Err(AddressError::OtherScheme(url.to_string())),
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(Self(url))
    }

    pub(crate) const fn url(&self) -> &Url {
        &self.0
    }

    /// The URL as a text without a slash at the end.
    pub(crate) fn text(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }

    fn below(&self, segments: &[&str]) -> Url {
        let mut url = self.0.clone();
        let path =
            format!("{}/industryData/{}", url.path().trim_end_matches('/'), segments.join("/"));
        url.set_path(&path);
        url
    }

    pub(crate) fn flows(&self) -> Url {
        self.below(&["incomingFlows"])
    }

    pub(crate) fn flow(&self, flow: FlowId) -> Url {
        self.below(&["incomingFlows", &flow.to_string()])
    }

    pub(crate) fn all_runs(&self) -> Url {
        self.below(&["runs"])
    }

    pub(crate) fn run_by_id(&self, run: RunId) -> Url {
        self.below(&["runs", &run.to_string()])
    }

    pub(crate) fn runs(&self, flow: FlowId) -> Url {
        self.below(&["incomingFlows", &flow.to_string(), "runs"])
    }

    pub(crate) fn run(&self, address: RunAddress) -> Url {
        let RunAddress { flow, run } = address;
        self.below(&["incomingFlows", &flow.to_string(), "runs", &run.to_string()])
    }

    pub(crate) fn history(&self, address: RunAddress) -> Url {
        let RunAddress { flow, run } = address;
        self.below(&["incomingFlows", &flow.to_string(), "runs", &run.to_string(), "history"])
    }
}

/// Whether the host is this machine. The parser of URLs has normalised the host.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else {
        return false;
    };
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    address.map_or(host == "localhost", |address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<ServerAddress, AddressError> {
        ServerAddress::new(text.parse().unwrap(), false)
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for text in
            ["https://a.example", "http://127.0.0.1:8080", "http://[::1]/", "http://localhost/x/"]
        {
            assert!(check(text).is_ok(), "{text}");
        }
        for text in [
            "http://a.example",
            "http://10.0.0.1",
            "http://localhost.example",
            "http://127.0.0.1.example",
        ] {
            assert!(matches!(check(text), Err(AddressError::PlainHttp(_))), "{text}");
            assert!(ServerAddress::new(text.parse().unwrap(), true).is_ok(), "{text}");
        }
        assert!(matches!(check("ftp://localhost"), Err(AddressError::OtherScheme(_))));
        for text in [
            "https://me@a.example",
            "https://:secret@a.example",
            "https://a.example?x",
            "https://a.example#x",
        ] {
            assert_eq!(check(text), Err(AddressError::MoreThanAddress), "{text}");
        }
    }

    #[test]
    fn the_path_of_the_address_is_kept() {
        let flow: FlowId = "0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e".parse().unwrap();
        let expected = format!("https://a.example/tracker/industryData/incomingFlows/{flow}/runs");
        for text in ["https://a.example/tracker", "https://a.example/tracker/"] {
            let address = check(text).unwrap();
            assert_eq!(address.runs(flow).as_str(), expected);
            assert_eq!(address.text(), "https://a.example/tracker");
        }
        assert_eq!(check("https://a.example").unwrap().text(), "https://a.example");
    }
}
