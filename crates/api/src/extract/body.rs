//! The body of a request, within the room that there is for all of them.

use std::{error::Error, time::Duration};

use axum::{
    body::Body,
    http::{HeaderMap, header, request::Parts},
};
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::{
    call::Content,
    timely::{Timely, TooSlow},
};
use crate::{
    error::ApiError,
    limits::{Place, Rank, footprint},
    observe::{Deadline, Trace},
    state::Api,
};

/// How long before its request a body is late, so that this is answered rather than the time-out of the request.
const REFUSAL_MARGIN: Duration = Duration::from_millis(10);

/// What a page or a count is taken for before it is known: about a hundred rows.
const PAGE_BYTES: usize = 64 * 1024;

/// Finds a place for a request, and reads its body as far as there is room. One that is refused is not read.
pub(super) async fn received(
    api: &Api,
    trace: &Trace,
    parts: &Parts,
    content: Content,
    body: Body,
) -> Result<Bytes, ApiError> {
    let rank = content.rank(&parts.method);
    let enter = |bytes| trace.enter(&api.room, rank, bytes);
    match content {
        Content::None => enter(0)?,
        Content::List | Content::Text => enter(PAGE_BYTES)?,
        Content::Json | Content::Batch => {
            let limit = content.limit(api.options.max_body_bytes);
            let announced = announced(&parts.headers);
            if announced.is_some_and(|length| length > limit) {
                return Err(ApiError::payload_too_large(limit));
            }
            let place = enter(announced.unwrap_or_default())?;
            let body = timely(api, parts, body);
            let body = read(body, limit, announced, |length| hold(place, rank, length)).await?;
            if content == Content::Json {
                // The text is kept beside what is made of it. The items of a batch count for themselves.
                hold(place, rank, body.len() + footprint(&body))?;
            }
            return Ok(body);
        }
    };
    Ok(Bytes::new())
}

fn announced(headers: &HeaderMap) -> Option<usize> {
    let length = headers.get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

fn hold(place: &Place, rank: Rank, bytes: usize) -> Result<(), ApiError> {
    place.hold(bytes);
    Ok(place.check(rank)?)
}

/// Reads a body, whose length `hold` is told before more of it is taken in.
async fn read(
    body: Timely,
    limit: usize,
    announced: Option<usize>,
    hold: impl Fn(usize) -> Result<(), ApiError>,
) -> Result<Bytes, ApiError> {
    let mut body = Limited::new(body, limit);
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| unread(error.as_ref(), limit))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if first.is_empty() && whole.is_empty() {
            // Most bodies come in one piece, which is taken as it is.
            first = data;
            continue;
        }
        if whole.is_empty() {
            whole.reserve(announced.unwrap_or_default());
            whole.extend_from_slice(&std::mem::take(&mut first));
        }
        whole.extend_from_slice(&data);
        hold(whole.len().max(announced.unwrap_or_default()))?;
    }
    match whole.is_empty() {
        true => Ok(first),
        false => Ok(whole.freeze()),
    }
}

fn unread(error: &(dyn Error + Send + Sync + 'static), limit: usize) -> ApiError {
    if error.is::<LengthLimitError>() {
        ApiError::payload_too_large(limit)
    } else if error.is::<TooSlow>() {
        ApiError::body_too_slow()
    } else {
        ApiError::bad_request("incompleteBody", "the body ended early; send it again")
    }
}

/// The body may take as long as the whole request, less what it takes to say that it was late.
fn timely(api: &Api, parts: &Parts, body: Body) -> Timely {
    let deadline = parts.extensions.get::<Deadline>().copied();
    let deadline = deadline.unwrap_or_else(|| Deadline::after(api.options.request_timeout));
    let end = deadline.before(REFUSAL_MARGIN).instant();
    Timely::new(body, api.options.body_timeout, end)
}
