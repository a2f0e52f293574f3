//! A body that must come in time.

use std::{
    error::Error,
    fmt,
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use tokio::time::{Sleep, sleep_until};

/// A body of which the next bytes must come within a limit, and the whole by a moment.
pub(super) struct Timely {
    body: Body,
    limit: Duration,
    end: Instant,
    /// Only while something is waited for: most bodies come with their heads.
    alarm: Option<Pin<Box<Sleep>>>,
}

/// The body did not come in time.
#[derive(Debug)]
pub(super) struct TooSlow;

impl fmt::Display for TooSlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body did not come in time")
    }
}

impl Error for TooSlow {}

impl Timely {
    pub(super) const fn new(body: Body, limit: Duration, end: Instant) -> Self {
        Self {
            body,
            limit,
            end,
            alarm: None,
        }
    }

    fn poll_alarm(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let (limit, end) = (self.limit, self.end);
        let alarm = self.alarm.get_or_insert_with(|| {
            let next = Instant::now() + limit;
            Box::pin(sleep_until(next.min(end).into()))
        });
        alarm.as_mut().poll(context)
    }
}

impl HttpBody for Timely {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            self.alarm = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        self.poll_alarm(context)
            .map(|()| Some(Err(Box::from(TooSlow))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}
