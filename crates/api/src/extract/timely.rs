//! A body that must arrive in time.

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

use crate::limits::{MinimumRate, RateWindow, TooSlow};

/// How long a body may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct BodyDeadlines {
    /// Until the next bytes.
    pub(super) next_bytes: Duration,
    /// How slowly they may arrive on average.
    pub(super) minimum_rate: MinimumRate,
    /// The whole.
    pub(super) end: Instant,
}

/// A body that ends with [`TooSlow`] when it misses a deadline. Only the time counts while somebody waits for its bytes.
pub(super) struct TimelyBody {
    body: Body,
    deadlines: BodyDeadlines,
    window: RateWindow,
    /// Since when the next bytes are waited for, and how far that was counted in the window.
    waiting: Option<Waiting>,
    /// Made when bytes are waited for: most bodies arrive with their heads.
    alarm: Option<Pin<Box<Sleep>>>,
}

#[derive(Clone, Copy)]
struct Waiting {
    since: Instant,
    counted: Instant,
}

impl TimelyBody {
    pub(super) fn new(body: Body, deadlines: BodyDeadlines) -> Self {
        Self {
            body,
            deadlines,
            window: RateWindow::default(),
            waiting: None,
            alarm: None,
        }
    }

    /// Counts the time until now in the window.
    fn count_time(&mut self, waiting: Waiting, now: Instant) -> Result<Waiting, TooSlow> {
        let time = now.duration_since(waiting.counted);
        self.window.wait(&self.deadlines.minimum_rate, time)?;
        Ok(Waiting {
            counted: now,
            ..waiting
        })
    }

    fn arrived(&mut self, bytes: usize) -> Result<(), TooSlow> {
        self.window.count(bytes as u64);
        match self.waiting.take() {
            Some(waiting) => self.count_time(waiting, Instant::now()).map(drop),
            None => Ok(()),
        }
    }

    /// Waits until a deadline is missed.
    fn poll_too_slow(&mut self, context: &mut Context<'_>) -> Poll<TooSlow> {
        let BodyDeadlines {
            next_bytes,
            minimum_rate,
            end,
        } = self.deadlines;
        loop {
            let now = Instant::now();
            let waiting = self.waiting.unwrap_or(Waiting {
                since: now,
                counted: now,
            });
            let due = end.min(waiting.since + next_bytes);
            let Ok(waiting) = self.count_time(waiting, now) else {
                return Poll::Ready(TooSlow);
            };
            if now >= due {
                return Poll::Ready(TooSlow);
            }
            self.waiting = Some(waiting);
            let next = due.min(now + self.window.remaining(&minimum_rate));
            let alarm = self
                .alarm
                .get_or_insert_with(|| Box::pin(sleep_until(next)));
            if alarm.deadline() != next {
                alarm.as_mut().reset(next);
            }
            ready!(alarm.as_mut().poll(context));
        }
    }
}

impl HttpBody for TimelyBody {
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
            return Poll::Ready(match self.arrived(length) {
                Ok(()) => frame.map(|frame| frame.map_err(Into::into)),
                Err(too_slow) => Some(Err(too_slow.into())),
            });
        }
        self.poll_too_slow(context)
            .map(|too_slow| Some(Err(too_slow.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
