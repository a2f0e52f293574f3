//! GET `/ui/stream`: opens the stream of a page.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, header},
    response::Response,
};
use flowruns_domain::timestamp::Timestamp;
use flowruns_http::{RequestError, StreamingResponse};
use tokio::time::Instant;

use super::{
    meter::StreamRefused,
    registry::Live,
    signature::ViewKey,
    snapshot::Revision,
    stream::{self, EventStream},
    view::{Audience, LivePage},
    watch::WatchKey,
};
use crate::{problem, visitor::Visitor};

/// The longest session that is followed to its end: a stream of a longer one ends after this time and is opened again.
const MAX_SESSION: Duration = Duration::from_secs(24 * 60 * 60);

/// The longest address of a live page, in bytes: the address of its stream must be within the limit of the listener.
const MAX_ADDRESS_BYTES: usize = 4096;

/// Whether the page at an address can have a stream.
pub(crate) const fn can_be_watched(address: &str) -> bool {
    address.len() <= MAX_ADDRESS_BYTES
}

/// The parameters of a stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct StreamParameters {
    /// `view`: the signed address of the page.
    pub(crate) view: String,
    /// `rev`: the revision that the page has.
    pub(crate) rev: String,
}

impl ViewKey {
    /// The parameters of the stream of a page that is shown to a visitor. The address is below the prefix.
    pub(crate) fn parameters(
        &self,
        visitor: &Visitor,
        address: &str,
        page: &LivePage,
    ) -> StreamParameters {
        StreamParameters {
            view: self.sign(visitor.tenant, visitor.session, address),
            rev: Revision::of(page).to_string(),
        }
    }
}

impl Live {
    /// The response to a request for a stream. The request must not be admitted: a stream holds no permit.
    ///
    /// # Errors
    ///
    /// 403 if the view was signed for another session or tenant.
    pub(crate) fn open(
        self: &Arc<Self>,
        visitor: &Visitor,
        audience: Audience,
        parameters: &StreamParameters,
    ) -> Result<Response, RequestError> {
        let address = self.options.key.open(visitor.tenant, visitor.session, &parameters.view);
        let address = address.ok_or_else(problem::refused_view)?;
        let slot = match self.begin_stream(visitor.session) {
            Ok(slot) => slot,
            Err(reason) => {
                self.meter.count_refused(reason);
                return Ok(refusal(reason));
            }
        };
        let now = self.options.clock.now();
        let session_end = Instant::now() + remaining(now, visitor.expires_at);
        let subscription = self.subscribe(WatchKey { audience, address });
        let sent = parameters.rev.parse().ok();
        let stream = EventStream::new((slot, subscription), self, sent, session_end);
        Ok(streaming(Body::from_stream(stream.into_frames())))
    }
}

fn remaining(now: Timestamp, end: Timestamp) -> Duration {
    let remaining = end.date_time().signed_duration_since(now.date_time());
    remaining.to_std().unwrap_or_default().min(MAX_SESSION)
}

/// A stream that ends at once. It is 200, since a script cannot read any other response to an `EventSource`.
fn refusal(reason: StreamRefused) -> Response {
    let text = match reason {
        StreamRefused::Server => "not live: too many pages are open on this server",
        StreamRefused::Session => stream::TOO_MANY_OF_SESSION,
    };
    streaming(Body::from(stream::full(text)))
}

fn streaming(body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Asks nginx to pass each event on at once.
    let buffering = HeaderName::from_static("x-accel-buffering");
    headers.insert(buffering, HeaderValue::from_static("no"));
    response.extensions_mut().insert(StreamingResponse);
    response
}
