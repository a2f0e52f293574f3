//! A request body that must arrive in time.

use std::{
    error::Error,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use super::minimum_rate::{BodyTimeout, MinimumRate, RateWindow};

/// How long a body may take to arrive.
#[derive(Clone, Copy, Debug)]
pub(super) struct BodyDeadlines {
    /// The longest wait for the next bytes.
    pub(super) next_bytes: Duration,
    /// The slowest rate on average.
    pub(super) minimum_rate: MinimumRate,
    /// The time by which the whole body must have arrived.
    pub(super) end: Instant,
}

/// A body that ends with [`BodyTimeout`] when it misses a deadline. Only the time while it is polled counts.
pub(super) struct TimedBody {
    body: Body,
    deadlines: BodyDeadlines,
    window: RateWindow,
    /// Set while the next bytes are waited for: since when, and until when that was counted in the window.
    waiting: Option<Waiting>,
    /// Allocated at the first wait: most bodies arrive together with their heads.
    timer: Option<Pin<Box<Sleep>>>,
}

#[derive(Clone, Copy)]
struct Waiting {
    since: Instant,
    counted: Instant,
}

impl TimedBody {
    pub(super) fn new(body: Body, deadlines: BodyDeadlines) -> Self {
        Self { body, deadlines, window: RateWindow::default(), waiting: None, timer: None }
    }

    /// Counts the time until now in the window.
    fn count_time(&mut self, waiting: Waiting, now: Instant) -> Result<Waiting, BodyTimeout> {
        let time = now.duration_since(waiting.counted);
        self.window.wait(&self.deadlines.minimum_rate, time)?;
        Ok(Waiting { counted: now, ..waiting })
    }

    fn count_bytes(&mut self, bytes: usize) -> Result<(), BodyTimeout> {
        self.window.count(bytes as u64);
        match self.waiting.take() {
            Some(waiting) => self.count_time(waiting, Instant::now()).map(drop),
            None => Ok(()),
        }
    }

    /// Waits until a deadline is missed.
    fn poll_timeout(&mut self, context: &mut Context<'_>) -> Poll<BodyTimeout> {
        let BodyDeadlines { next_bytes, minimum_rate, end } = self.deadlines;
        loop {
            let now = Instant::now();
            let waiting = self.waiting.unwrap_or(Waiting { since: now, counted: now });
            let due = end.min(waiting.since + next_bytes);
            let Ok(waiting) = self.count_time(waiting, now) else {
                return Poll::Ready(BodyTimeout);
            };
            if now >= due {
                return Poll::Ready(BodyTimeout);
            }
            self.waiting = Some(waiting);
            let next = due.min(now + self.window.remaining(&minimum_rate));
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(next)));
            if timer.deadline() != next {
                timer.as_mut().reset(next);
            }
            ready!(timer.as_mut().poll(context));
        }
    }
}

impl HttpBody for TimedBody {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            let length = match &frame {
                Some(Ok(frame)) => frame.data_ref().map_or(0, Bytes::len),
                Some(Err(_)) | None => {
                    return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
                }
            };
            return Poll::Ready(match self.count_bytes(length) {
                Ok(()) => frame.map(|frame| frame.map_err(Into::into)),
                Err(timeout) => Some(Err(timeout.into())),
            });
        }
        self.poll_timeout(context).map(|timeout| Some(Err(timeout.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
