//! Admits a request and reads its body.

use axum::{body::Body, http::request::Parts};
use bytes::Bytes;
use flowruns_http::{
    BodyLimits, BodyReader, CallerId, LARGE_BYTES, Permit, Priority, RequestContext, parsed_size,
    reserve,
};
use tokio::time::Instant;

use super::body_kind::BodyKind;
use crate::{error::ApiError, state::Api};

/// The charge of a page or a count before its size is known, in bytes: about a hundred rows.
const PAGE_BYTES: usize = LARGE_BYTES;

/// The body of a request that was admitted.
#[derive(Default)]
pub(super) struct Received {
    pub(super) bytes: Bytes,
    /// The request was admitted before its priority was known, so that it must be checked once it is.
    pub(super) is_unclassified: bool,
}

/// Admits a request of a caller and reads its body. The body of a rejected request is not read.
pub(super) async fn receive(
    api: &Api,
    context: &RequestContext,
    parts: &Parts,
    (caller, kind): (CallerId, BodyKind),
    body: Body,
) -> Result<Received, ApiError> {
    let priority = kind.priority(&parts.method);
    let admit = |priority, bytes| api.admission.admit(context, caller, priority, bytes);
    match kind {
        BodyKind::None => admit(priority, 0)?,
        BodyKind::List | BodyKind::Text => admit(priority, PAGE_BYTES)?,
        BodyKind::Json | BodyKind::Batch => {
            let mut reader = BodyReader::new(
                &api.admission,
                context,
                (&parts.headers, body),
                limits(api, kind),
            )?;
            let (permit, is_unclassified) = match admit(priority, 0) {
                Ok(permit) => (permit, false),
                // It may end a run, for which capacity is reserved.
                Err(_overloaded) => {
                    let priority = reader.unread_priority().await?;
                    (admit(priority, reader.length())?, true)
                }
            };
            let received = Received { bytes: reader.read(permit).await?, is_unclassified };
            return match kind {
                BodyKind::Json => charge_values(received, permit, reader.wait_end()).await,
                _ => {
                    // The items of a batch are charged as requests of their own.
                    permit.set(received.bytes.len());
                    Ok(received)
                }
            };
        }
    };
    Ok(Received::default())
}

fn limits(api: &Api, kind: BodyKind) -> BodyLimits {
    BodyLimits {
        max_bytes: kind.max_bytes(api.options.max_body_bytes),
        idle_timeout: api.options.body_timeout,
    }
}

/// Charges the text and its values: both are in memory until the response is made.
async fn charge_values(
    received: Received,
    permit: &Permit,
    wait_end: Instant,
) -> Result<Received, ApiError> {
    let held = received.bytes.len() + parsed_size(&received.bytes);
    let mut is_unclassified = received.is_unclassified;
    if held > LARGE_BYTES {
        reserve(permit, held, wait_end).await?;
    } else if permit.charge(held).is_err() {
        permit.reclassify(Priority::EndsRun, held)?;
        is_unclassified = true;
    }
    Ok(Received { is_unclassified, ..received })
}
