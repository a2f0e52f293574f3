//! Lingering close: a request that is answered before its body was read.
//!
//! If the body were dropped, the connection would be reset while the client still sends, and the reset would destroy the response
//! on its way. So the rest of the body is read and discarded, as nginx does with `lingering_close`.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    http::{Request, Version, header},
};
use http_body_util::BodyExt as _;
use hyper::body::{Frame, SizeHint};
use tokio::{runtime::Handle, time::timeout};

use crate::{connection::ConnectionContext, response_body::InFlightGuard};

/// A shorter body usually arrives with its head.
const SHORT_BODY_BYTES: u64 = 8 * 1024;
/// How long the rest of a body is read in total, and how long its next bytes may take.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(10);
const NEXT_BYTES_TIMEOUT: Duration = Duration::from_secs(1);

/// A request body whose rest is read and discarded after it is dropped.
struct LingeringBody {
    body: Body,
    /// The request stays in flight until the rest has been read.
    in_flight: Option<InFlightGuard>,
}

/// Makes a long body of HTTP/1 linger. It is not needed for a client that waits for `100 Continue`, which has sent nothing yet,
/// nor for HTTP/2, which can end one request alone.
pub(crate) fn wrap(request: Request<Body>, context: &Arc<ConnectionContext>) -> Request<Body> {
    let upper = request.body().size_hint().upper();
    let lingers = upper.is_none_or(|length| length > SHORT_BODY_BYTES)
        && request.version() < Version::HTTP_2
        && !request.headers().contains_key(header::EXPECT);
    if !lingers {
        return request;
    }
    request.map(|body| {
        Body::new(LingeringBody { body, in_flight: Some(InFlightGuard::new(context, false)) })
    })
}

impl HttpBody for LingeringBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for LingeringBody {
    fn drop(&mut self) {
        if self.body.is_end_stream() {
            return;
        }
        if let Ok(runtime) = Handle::try_current()
            && let Some(in_flight) = self.in_flight.take()
        {
            let body = std::mem::take(&mut self.body);
            runtime.spawn(discard(body, in_flight));
        }
    }
}

/// Reads a body to its end, within limits of time and length. Meanwhile the connection may be evicted, since no response waits
/// for it.
async fn discard(mut body: Body, in_flight: InFlightGuard) {
    let context = in_flight.context();
    context.handle.discard_began();
    let max_bytes = context.limits.discarded_body_bytes;
    let reading = async {
        let mut discarded = 0;
        while discarded <= max_bytes
            && let Ok(Some(Ok(frame))) = timeout(NEXT_BYTES_TIMEOUT, body.frame()).await
        {
            discarded += frame.data_ref().map_or(0, Bytes::len);
        }
    };
    let _read_or_late = timeout(TOTAL_TIMEOUT, reading).await;
    context.handle.discard_ended();
}
