//! The body of a request, within the limits of admission.

use std::{error::Error, io, time::Duration};

use axum::{
    body::{Body, HttpBody as _},
    http::{HeaderMap, Method, header, request::Parts},
};
use bytes::{Bytes, BytesMut};
use flowruns_admission::{CallerId, LARGE_BYTES, Permit, Priority};
use futures_util::FutureExt as _;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::{Instant, timeout_at};

use super::{
    call::Content,
    timely::{BodyDeadlines, TimelyBody},
};
use crate::{
    error::ApiError,
    limits::{TooSlow, footprint},
    observe::{Deadline, Trace},
    state::Api,
};

/// How long before its request a body is late, so that this is answered rather than the time-out of the request.
const REFUSAL_MARGIN: Duration = Duration::from_millis(10);

/// What a page or a count is taken for before it is known: about a hundred rows.
const PAGE_BYTES: usize = LARGE_BYTES;

/// How often the connection gets a turn to deliver a body that has arrived with its head.
const TURNS: usize = 3;

/// The body of a request that was admitted.
pub(super) struct Received {
    pub(super) bytes: Bytes,
    /// The request was admitted before its priority was known, so that it must be checked once it is.
    pub(super) is_unclassified: bool,
}

/// Admits a request of a caller and reads its body. One that is refused is not read.
pub(super) async fn received(
    api: &Api,
    trace: &Trace,
    parts: &Parts,
    (caller, content): (CallerId, Content),
    body: Body,
) -> Result<Received, ApiError> {
    let priority = content.priority(&parts.method);
    let admit = |priority, bytes| trace.admit(&api.admission, caller, priority, bytes);
    match content {
        Content::None => admit(priority, 0)?,
        Content::List | Content::Text => admit(priority, PAGE_BYTES)?,
        Content::Json | Content::Batch => {
            let limit = content.limit(api.options.max_body_bytes);
            let announced = announced(&parts.headers, &body);
            if announced.is_some_and(|length| length > limit) {
                return Err(ApiError::payload_too_large(limit));
            }
            let mut reader = BodyReader::new(api, parts, body, limit);
            let (permit, mut is_unclassified) = match admit(priority, 0) {
                Ok(permit) => (permit, false),
                // It may end a run, for which there is a reserve.
                Err(_overloaded) => (
                    admit(reader.unread_priority().await?, reader.length())?,
                    true,
                ),
            };
            let bytes = reader.read(permit, announced).await?;
            match content {
                // The text is kept beside what is made of it.
                Content::Json => {
                    let held = bytes.len() + footprint(&bytes);
                    if held > LARGE_BYTES {
                        reserve(permit, held, reader.wait_end).await?;
                    } else if permit.charge(held).is_err() {
                        permit.reclassify(Priority::EndsRun, held)?;
                        is_unclassified = true;
                    }
                }
                // The items count for themselves.
                _ => permit.set(bytes.len()),
            }
            return Ok(Received {
                bytes,
                is_unclassified,
            });
        }
    };
    Ok(Received {
        bytes: Bytes::new(),
        is_unclassified: false,
    })
}

/// Waits until there is memory for a request.
pub(super) async fn reserve(permit: &Permit, bytes: usize, end: Instant) -> Result<(), ApiError> {
    let reserved = timeout_at(end, permit.reserve(bytes)).await;
    reserved.map_err(|_elapsed| ApiError::overloaded())
}

fn announced(headers: &HeaderMap, body: &Body) -> Option<usize> {
    let length = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse().ok());
    // The body of an item of a batch is in memory.
    length.or_else(|| usize::try_from(body.size_hint().exact()?).ok())
}

/// Reads a body. Its bytes are charged as they arrive, up to [`LARGE_BYTES`]. For the rest of a larger one the request
/// waits until there is memory for the whole, so that a body that was begun can be completed.
struct BodyReader {
    body: Limited<TimelyBody>,
    limit: usize,
    first: Bytes,
    whole: BytesMut,
    is_complete: bool,
    wait_end: Instant,
}

impl BodyReader {
    fn new(api: &Api, parts: &Parts, body: Body, limit: usize) -> Self {
        let deadline = parts.extensions.get::<Deadline>().copied();
        let deadline = deadline.unwrap_or_else(|| Deadline::after(api.options.request_timeout));
        // It may take as long as the whole request, less what it takes to say that it was late.
        let end = Instant::from_std(deadline.before(REFUSAL_MARGIN).instant());
        let deadlines = BodyDeadlines {
            next_bytes: api.options.body_timeout,
            minimum_rate: api.options.limits.minimum_rate,
            end,
        };
        Self {
            body: Limited::new(TimelyBody::new(body, deadlines), limit),
            limit,
            first: Bytes::new(),
            whole: BytesMut::new(),
            is_complete: false,
            wait_end: end.min(Instant::now() + api.options.limits.max_wait),
        }
    }

    fn length(&self) -> usize {
        self.first.len() + self.whole.len()
    }

    /// The priority of a request whose body is not read: that of one that ends a run, if the body is here already and will
    /// tell in a moment whether it does.
    async fn unread_priority(&mut self) -> Result<Priority, ApiError> {
        for _ in 0..TURNS {
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

    /// The whole body.
    async fn read(&mut self, permit: &Permit, announced: Option<usize>) -> Result<Bytes, ApiError> {
        let mut reserved = 0;
        while !self.is_complete {
            let expected = self.length().max(announced.unwrap_or_default());
            if expected > LARGE_BYTES && expected > reserved {
                // Without an announced length nobody knows how much will follow.
                reserved = announced.unwrap_or(self.limit);
                reserve(permit, reserved, self.wait_end).await?;
                self.whole.reserve(announced.unwrap_or_default());
            }
            self.next().await?;
            if reserved == 0 && self.length() <= LARGE_BYTES {
                permit.charge(self.length())?;
            }
        }
        Ok(match self.whole.is_empty() {
            true => std::mem::take(&mut self.first),
            false => std::mem::take(&mut self.whole).freeze(),
        })
    }

    /// Waits for more of the body, or its end.
    async fn next(&mut self) -> Result<(), ApiError> {
        let Some(frame) = self.body.frame().await else {
            self.is_complete = true;
            return Ok(());
        };
        let frame = frame.map_err(|error| unread(error.as_ref(), self.limit))?;
        let Ok(data) = frame.into_data() else {
            return Ok(());
        };
        if self.length() == 0 {
            // Most bodies come in one piece, which is taken as it is.
            self.first = data;
            return Ok(());
        }
        if self.whole.is_empty() {
            self.whole
                .extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.whole.extend_from_slice(&data);
        Ok(())
    }
}

fn unread(error: &(dyn Error + Send + Sync + 'static), limit: usize) -> ApiError {
    if error.is::<LengthLimitError>() {
        ApiError::payload_too_large(limit)
    } else if error.is::<TooSlow>() {
        ApiError::body_too_slow()
    } else {
        let message = match has_malformed_framing(error) {
            true => {
                "the chunks of the body are malformed; send each as its length in hexadecimal, CRLF, that many bytes and CRLF, \
                 or send Content-Length instead of Transfer-Encoding"
            }
            false => "the body ended early; send it again",
        };
        ApiError::bad_request("incompleteBody", message)
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

impl Content {
    /// Which requests are refused first. What ends a run is not known before its body is read.
    fn priority(self, method: &Method) -> Priority {
        match self {
            Self::List | Self::Text => Priority::List,
            Self::None if method == Method::DELETE => Priority::Write,
            Self::None => Priority::Read,
            Self::Json | Self::Batch => Priority::Write,
        }
    }
}
