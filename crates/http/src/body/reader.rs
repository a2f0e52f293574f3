//! Reads the body of a request within the limits of admission.

use std::{error::Error, io, time::Duration};

use axum::{
    body::{Body, HttpBody as _},
    http::{HeaderMap, header},
};
use bytes::{Bytes, BytesMut};
use flowruns_admission::{LARGE_BYTES, Permit, Priority};
use futures_util::FutureExt as _;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tokio::time::Instant;

use super::{
    minimum_rate::BodyTimeout,
    timed_body::{BodyDeadlines, TimedBody},
};
use crate::{
    admission::{Admission, reserve},
    context::RequestContext,
    error::RequestError,
};

/// How long before the deadline of its request a body must have arrived, so that there is time left to respond with 408.
const RESPONSE_MARGIN: Duration = Duration::from_millis(10);

/// How many times the reader yields, so that the connection can deliver a body that has arrived together with its head.
const MAX_YIELDS: usize = 3;

/// The limits of one body.
#[derive(Clone, Copy, Debug)]
pub struct BodyLimits {
    /// The longest body, in bytes; a longer one is 413.
    pub max_bytes: usize,
    /// The longest wait for the next bytes; after that the request is answered with 408.
    pub idle_timeout: Duration,
}

/// Reads a body. Its bytes are charged to the permit as they arrive, up to [`LARGE_BYTES`]. Before the rest of a larger body
/// is read, the request waits for the memory of the whole, so that a body that was begun can be completed.
pub struct BodyReader {
    body: Limited<TimedBody>,
    max_bytes: usize,
    /// The length that the request announces; with chunks it is not known.
    announced: Option<usize>,
    first: Bytes,
    whole: BytesMut,
    is_complete: bool,
    wait_end: Instant,
}

impl BodyReader {
    /// A reader that has read nothing yet.
    ///
    /// # Errors
    ///
    /// 413 when the announced length is over the limit.
    pub fn new(
        admission: &Admission,
        context: &RequestContext,
        (headers, body): (&HeaderMap, Body),
        limits: BodyLimits,
    ) -> Result<Self, RequestError> {
        let announced = announced_length(headers, &body);
        if announced.is_some_and(|length| length > limits.max_bytes) {
            return Err(RequestError::body_too_large(limits.max_bytes));
        }
        let end = context.deadline().before(RESPONSE_MARGIN);
        let end = Instant::from_std(end.instant());
        let deadlines = BodyDeadlines {
            next_bytes: limits.idle_timeout,
            minimum_rate: admission.limits().minimum_rate,
            end,
        };
        Ok(Self {
            body: Limited::new(TimedBody::new(body, deadlines), limits.max_bytes),
            max_bytes: limits.max_bytes,
            announced,
            first: Bytes::new(),
            whole: BytesMut::new(),
            is_complete: false,
            wait_end: end.min(admission.wait_end()),
        })
    }

    /// How many bytes have been read.
    pub fn length(&self) -> usize {
        self.first.len() + self.whole.len()
    }

    /// The time at which this request stops waiting for memory.
    pub const fn wait_end(&self) -> Instant {
        self.wait_end
    }

    /// The priority of a request that was not admitted as an ordinary write: that of one that ends a run, if its small body
    /// has arrived already and can be parsed at once to see whether it does.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub async fn unread_priority(&mut self) -> Result<Priority, RequestError> {
        for _ in 0..MAX_YIELDS {
            while self.length() <= LARGE_BYTES
                && let Some(read) = self.next().now_or_never()
            {
                read?;
                if self.is_complete {
                    return Ok(Priority::EndsRun);
                }
            }
            tokio::task::yield_now().await;
        }
        Ok(Priority::Unread)
    }

    /// The whole body. The memory of a small one is not charged yet when it is complete: the caller knows how much its values
    /// need and charges both.
    ///
    /// # Errors
    ///
    /// 400 for a malformed or incomplete body, 408 for one that is too slow, 413 for one that is too long, 503 when there is
    /// no memory for it.
    pub async fn read(&mut self, permit: &Permit) -> Result<Bytes, RequestError> {
        let announced = self.announced;
        let mut reserved = 0;
        while !self.is_complete {
            let expected = self.length().max(announced.unwrap_or_default());
            if expected > LARGE_BYTES && expected > reserved {
                // Without an announced length it is not known how much will follow.
                reserved = announced.unwrap_or(self.max_bytes);
                reserve(permit, reserved, self.wait_end).await?;
                self.whole.reserve(announced.unwrap_or_default());
            }
            self.next().await?;
            if reserved == 0 && self.length() <= LARGE_BYTES && !self.is_complete {
                permit.charge(self.length())?;
            }
        }
        Ok(match self.whole.is_empty() {
            true => std::mem::take(&mut self.first),
            false => std::mem::take(&mut self.whole).freeze(),
        })
    }

    /// Waits for the next bytes of the body, or its end.
    async fn next(&mut self) -> Result<(), RequestError> {
        let Some(frame) = self.body.frame().await else {
            self.is_complete = true;
            return Ok(());
        };
        let frame = frame.map_err(|error| read_error(error.as_ref(), self.max_bytes))?;
        // A body with a known length ends with its last bytes: no further poll, and no charge between.
        self.is_complete = self.body.is_end_stream();
        let Ok(data) = frame.into_data() else {
            return Ok(());
        };
        if self.length() == 0 {
            // Most bodies arrive in one piece, which is not copied.
            self.first = data;
            return Ok(());
        }
        if self.whole.is_empty() {
            self.whole.extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.whole.extend_from_slice(&data);
        Ok(())
    }
}

fn announced_length(headers: &HeaderMap, body: &Body) -> Option<usize> {
    let length =
        headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    // The body of an item of a batch is in memory.
    length.or_else(|| usize::try_from(body.size_hint().exact()?).ok())
}

fn read_error(error: &(dyn Error + Send + Sync + 'static), max_bytes: usize) -> RequestError {
    if error.is::<LengthLimitError>() {
        RequestError::body_too_large(max_bytes)
    } else if error.is::<BodyTimeout>() {
        RequestError::body_too_slow()
    } else {
        RequestError::incomplete_body(has_malformed_framing(error))
    }
}

/// Whether the framing of a body breaks HTTP, rather than its end being missing. hyper's error has an `io::Error` as its
/// source for both.
fn has_malformed_framing(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            use io::ErrorKind::{InvalidData, InvalidInput};
            return matches!(error.kind(), InvalidData | InvalidInput);
        }
        next = error.source();
    }
    false
}
