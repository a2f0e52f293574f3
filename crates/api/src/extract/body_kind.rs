//! The kinds of bodies that operations read and send.

use axum::http::Method;
use flowruns_http::Priority;

/// The maximum number of requests in a batch.
pub(crate) const MAX_BATCH_ITEMS: usize = 20;

/// The allowance for the method, URL and headers of an item of a batch, in bytes on average.
const ITEM_HEAD_BYTES: usize = 16 * 1024;

/// The body of a request, and for a request without one the kind of its response.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum BodyKind {
    /// No body; one that is sent is not read.
    None,
    /// A JSON object.
    Json,
    /// A JSON object with a body for each item of a batch.
    Batch,
    /// No body, and the response is a page of many rows.
    List,
    /// No body, and the response is a count as plain text.
    Text,
}

impl BodyKind {
    /// The longest body, in bytes; each item of a batch may be as long as a separate request.
    pub(super) const fn max_bytes(self, max_body_bytes: usize) -> usize {
        match self {
            Self::None | Self::List | Self::Text | Self::Json => max_body_bytes,
            Self::Batch => MAX_BATCH_ITEMS * (max_body_bytes + ITEM_HEAD_BYTES),
        }
    }

    /// The priority in admission. Whether a write ends a run is not known before its body is read.
    pub(super) fn priority(self, method: &Method) -> Priority {
        match self {
            Self::List | Self::Text => Priority::List,
            Self::None if method == Method::DELETE => Priority::Write,
            Self::None => Priority::Read,
            Self::Json | Self::Batch => Priority::Write,
        }
    }
}
