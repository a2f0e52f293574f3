//! A request that is answered before its body is read. Were the body just dropped, the connection would be reset while the
//! client still sends, and the reset would take the answer with it: so the rest is read and thrown away.

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

use super::answer::InFlight;

/// A shorter body has come with its head, or nearly so.
const LONG_BODY: u64 = 8 * 1024;
/// How long the rest of a body is waited for, in all and for its next bytes.
const PATIENCE: Duration = Duration::from_secs(10);
const NEXT_BYTES: Duration = Duration::from_secs(1);

/// A body whose rest is read when nobody wants it any more.
struct Lingering {
    body: Body,
    most_bytes: usize,
    /// The request is not over before.
    reading: Option<InFlight>,
}

/// Sees to a long body of HTTP/1. A client that asked whether to send it has sent nothing yet, and HTTP/2 can end one
/// request alone.
pub(super) fn wrap(request: Request<Body>, reading: InFlight, most_bytes: usize) -> Request<Body> {
    let upper = request.body().size_hint().upper();
    let lingers = upper.is_none_or(|length| length > LONG_BODY)
        && request.version() < Version::HTTP_2
        && !request.headers().contains_key(header::EXPECT);
    if !lingers {
        return request;
    }
    request.map(|body| {
        Body::new(Lingering {
            body,
            most_bytes,
            reading: Some(reading),
        })
    })
}

impl HttpBody for Lingering {
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

impl Drop for Lingering {
    fn drop(&mut self) {
        if self.body.is_end_stream() {
            return;
        }
        if let Ok(runtime) = Handle::try_current() {
            let (body, reading) = (std::mem::take(&mut self.body), self.reading.take());
            let most_bytes = self.most_bytes;
            runtime.spawn(async move {
                let activity = reading
                    .as_ref()
                    .map(|reading| Arc::clone(reading.activity()));
                // Nobody waits for it, so the connection may be closed for another.
                activity
                    .iter()
                    .for_each(|activity| activity.discard_began());
                let _late = timeout(PATIENCE, discard(body, most_bytes)).await;
                activity
                    .iter()
                    .for_each(|activity| activity.discard_ended());
                drop(reading);
            });
        }
    }
}

/// Reads to the end, or as far as it is worth while.
async fn discard(mut body: Body, most_bytes: usize) {
    let mut discarded = 0;
    while discarded <= most_bytes
        && let Ok(Some(Ok(frame))) = timeout(NEXT_BYTES, body.frame()).await
    {
        discarded += frame.data_ref().map_or(0, Bytes::len);
    }
}
