//! What is refused before the routes see it: the status is enough there.

use axum::http::{HeaderMap, Request, StatusCode, Version, header, uri::Authority};

use super::host;
use crate::config::Http;

/// How large the parts of a head may be, where the parser has no limit of its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeadLimits {
    pub(super) headers: usize,
    /// The whole head; with HTTP/2 the list of its headers after decompression.
    pub(super) head_bytes: usize,
    pub(super) uri_bytes: usize,
    /// How much of a body is read although nobody wants it: whatever may be sent, and what is a little too long.
    pub(super) discarded_bytes: usize,
}

impl HeadLimits {
    pub(super) fn new(http: &Http) -> Self {
        Self {
            headers: http.max_headers.into(),
            head_bytes: http.max_header_bytes as usize,
            uri_bytes: http.max_uri_bytes.into(),
            discarded_bytes: usize::try_from(http.max_body_bytes.saturating_mul(2))
                .unwrap_or(usize::MAX),
        }
    }

    /// How many bytes of memory the head of a request takes, as far as its sender can make it long.
    pub(super) fn bytes<B>(&self, request: &Request<B>) -> usize {
        let target = request.uri().path_and_query();
        let headers = request.headers().iter();
        let headers = headers.map(|(name, value)| name.as_str().len() + value.len());
        target.map_or(0, |target| target.as_str().len()) + headers.sum::<usize>()
    }

    /// Why a request is refused, if it is.
    pub(super) fn refuse<B>(&self, request: &Request<B>) -> Option<StatusCode> {
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
        let is_well_formed = target.is_none_or(|target| host::is_valid(target.as_str().as_bytes()))
            && host.is_none_or(|host| host::is_valid(host.as_bytes()));
        (!names_one_host || !is_well_formed).then_some(StatusCode::BAD_REQUEST)
    }
}

/// RFC 9112, section 3.2: HTTP/1.1 names its host exactly once. Where the target names one as well, as in HTTP/2, a proxy
/// may have gone by either, so both must be the same.
fn names_one_host(version: Version, target: Option<&Authority>, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next(), target) {
        (_, Some(_), _) => false,
        (Some(host), None, Some(target)) => host
            .as_bytes()
            .eq_ignore_ascii_case(target.as_str().as_bytes()),
        (Some(_), None, None) => true,
        (None, None, _) => version != Version::HTTP_11,
    }
}
