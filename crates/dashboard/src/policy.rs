//! What protects the pages in a browser: headers, the check of the host, the check of where a form came from.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{
        CONTENT_SECURITY_POLICY, ORIGIN, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
    },
};
use flowruns_http::RequestOrigin;

use crate::problem::Problem;

/// A page runs only the script of this server, has no inline script or style, and is shown in no frame. Text becomes markup only
/// through the policy `flowruns` of that script.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types flowruns";
/// Features of browsers that no page uses. `clipboard-write` is left to the pages themselves: they copy.
const PERMISSIONS: &str =
    "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()";
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The headers of every response.
const HEADERS: [(HeaderName, &str); 7] = [
    (CONTENT_SECURITY_POLICY, CONTENT_POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // For browsers that do not know `frame-ancestors`.
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), PERMISSIONS),
];

/// Adds the headers of every response.
pub(crate) fn add_headers(headers: &mut HeaderMap) {
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// Checks that the host of a request is one of ours. Otherwise a page elsewhere could have its own name resolve to this server
/// (DNS rebinding) and read what it responds. An address needs no name, so it is always allowed.
///
/// # Errors
///
/// 421 for any other host.
pub(crate) fn check_host(origin: &RequestOrigin, allowed: &[String]) -> Result<(), Problem> {
    let is_allowed = is_local(origin.host())
        || allowed.iter().any(|host| origin.has_host(origin.scheme(), host));
    match is_allowed {
        true => Ok(()),
        false => Err(Problem::wrong_host(origin.host())),
    }
}

/// Whether a host with or without a port is `localhost` or an IP address.
fn is_local(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        Some(_) | None => host,
    };
    if let Some(address) = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        return address.parse::<Ipv6Addr>().is_ok();
    }
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

/// Checks that a form was sent by a page of this server. Every browser of today sends one of the two headers with it.
///
/// # Errors
///
/// 403 when it came from elsewhere.
pub(crate) fn check_same_origin(
    headers: &HeaderMap,
    origin: &RequestOrigin,
) -> Result<(), Problem> {
    let only = |name: HeaderName| {
        let mut values = headers.get_all(name).iter();
        let first = values.next()?.to_str().ok();
        if values.next().is_some() { Some(None) } else { Some(first) }
    };
    let is_same_origin = match only(SEC_FETCH_SITE) {
        Some(site) => site == Some("same-origin"),
        None => only(ORIGIN).flatten().is_some_and(|sent| {
            let own = format!("{}://{}", origin.scheme(), origin.host());
            sent.eq_ignore_ascii_case(&own)
        }),
    };
    match is_same_origin {
        true => Ok(()),
        false => Err(Problem::forbidden_form()),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn origin(host: &str) -> RequestOrigin {
        let request = Request::builder().uri("/ui").header("host", host).body(()).unwrap();
        RequestOrigin::of(&request.into_parts().0, &[])
    }

    #[test]
    fn a_host_is_ours_if_it_is_local_an_address_or_configured() {
        let allowed = ["flows.example:8443".to_owned(), "flows.example".to_owned()];
        for host in [
            "localhost",
            "LOCALHOST:8080",
            "127.0.0.1:8080",
            "[::1]:8080",
            "[::1]",
            "10.1.2.3",
            "flows.example:8443",
            "Flows.Example",
            "flows.example:80",
        ] {
            assert!(check_host(&origin(host), &allowed).is_ok(), "{host}");
        }
        for host in ["evil.example", "flows.example:1", "localhost.evil.example", "127.0.0.1.evil"]
        {
            assert!(check_host(&origin(host), &allowed).is_err(), "{host}");
        }
    }

    #[test]
    fn a_form_of_another_origin_is_rejected() {
        let is_accepted = |sent: &[(&'static str, &'static str)]| {
            let headers = sent.iter().map(|(name, value)| {
                (HeaderName::from_static(name), HeaderValue::from_static(value))
            });
            check_same_origin(&headers.collect(), &origin("127.0.0.1:8080")).is_ok()
        };
        assert!(is_accepted(&[("sec-fetch-site", "same-origin")]));
        assert!(is_accepted(&[("origin", "http://127.0.0.1:8080")]));
        for sent in [
            &[][..],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "cross-site"), ("origin", "http://127.0.0.1:8080")],
            &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "same-origin")],
            &[("origin", "https://127.0.0.1:8080")],
            &[("origin", "http://127.0.0.1:8081")],
            &[("origin", "null")],
        ] {
            assert!(!is_accepted(sent), "{sent:?}");
        }
    }
}
