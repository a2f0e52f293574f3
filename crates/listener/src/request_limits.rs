//! Requests that are rejected before the router sees them. Their response is a status without a body.

use axum::http::{HeaderMap, Request, StatusCode, Version, header, uri::Authority};

use crate::{ListenOptions, host_name};

/// The largest head of a request, where the HTTP parser has no limit of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestLimits {
    headers: usize,
    /// With HTTP/2 the limit of the decompressed header list.
    pub(crate) head_bytes: usize,
    uri_bytes: usize,
    pub(crate) discarded_body_bytes: usize,
}

impl RequestLimits {
    pub(crate) fn new(options: &ListenOptions) -> Self {
        Self {
            headers: options.max_headers.into(),
            head_bytes: options.max_header_bytes as usize,
            uri_bytes: options.max_uri_bytes.into(),
            discarded_body_bytes: options.max_discarded_body_bytes,
        }
    }

    /// Returns the status that rejects a request, if it must be rejected.
    pub(crate) fn rejection<B>(&self, request: &Request<B>) -> Option<StatusCode> {
        let target = request.uri().path_and_query();
        if target.is_some_and(|target| target.as_str().len() > self.uri_bytes) {
            return Some(StatusCode::URI_TOO_LONG);
        }
        if request.headers().len() > self.headers {
            return Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        }
        let target = request.uri().authority();
        let names_one_host = names_one_host(request.version(), target, request.headers());
        let host = request.headers().get(header::HOST);
        let is_well_formed = target
            .is_none_or(|target| host_name::is_valid(target.as_str().as_bytes()))
            && host.is_none_or(|host| host_name::is_valid(host.as_bytes()));
        (!names_one_host || !is_well_formed).then_some(StatusCode::BAD_REQUEST)
    }
}

/// The bytes of the target and the headers of a request, which its client can make long.
pub(crate) fn head_bytes<B>(request: &Request<B>) -> usize {
    let target = request.uri().path_and_query();
    let headers = request.headers().iter();
    let headers = headers.map(|(name, value)| name.as_str().len() + value.len());
    target.map_or(0, |target| target.as_str().len()) + headers.sum::<usize>()
}

/// RFC 9112, section 3.2: a request of HTTP/1.1 has exactly one Host. If the target has a host too, as in HTTP/2, both must be
/// equal: a proxy in front may have used either.
fn names_one_host(version: Version, target: Option<&Authority>, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next(), target) {
        (_, Some(_), _) => false,
        (Some(host), None, Some(target)) => {
            host.as_bytes().eq_ignore_ascii_case(target.as_str().as_bytes())
        }
        (Some(_), None, None) => true,
        (None, None, _) => version != Version::HTTP_11,
    }
}
