//! The requests that a client can send to a deployment, and the responses.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use flowruns_domain::{
    id::{FlowId, RunId},
    json::JsonObject,
    run::{Action, PropertyChange},
    timestamp::Timestamp,
    version::EntityTag,
};

use super::report::{Creation, Report};

/// Access to the runs of one flow.
#[async_trait]
pub trait Target: Send + Sync + 'static {
    /// The flow.
    fn flow(&self) -> FlowId;

    /// Creates a run.
    async fn create(&self, creation: &Creation) -> Answer<Seen>;

    /// Reports on a run.
    async fn patch(&self, run: RunId, report: &Report) -> Answer<Seen>;

    /// Reads a run.
    async fn get(&self, run: RunId) -> Answer<Seen>;

    /// Reads the list of runs in pages of `page_rows` rows.
    async fn list(&self, page_rows: u16) -> Answer<Listing>;

    /// Reads the whole history of a run, oldest first.
    async fn history(&self, run: RunId) -> Answer<Vec<Entry>>;
}

/// The response to a client.
#[derive(Clone, Debug)]
pub enum Answer<T> {
    /// The request was executed.
    Done(T),
    /// The request was rejected, and nothing was changed.
    Refused(Refusal),
    /// No response, or one that leaves the outcome open: the request may have been executed, or may still be.
    Unknown(String),
}

impl<T> Answer<T> {
    /// Converts the value of a request that was executed.
    pub(super) fn map<U>(self, change: impl FnOnce(T) -> U) -> Answer<U> {
        self.and_then(|value| Answer::Done(change(value)))
    }

    /// Reads the value of a request that was executed.
    pub(super) fn and_then<U>(self, read: impl FnOnce(T) -> Answer<U>) -> Answer<U> {
        match self {
            Self::Done(value) => read(value),
            Self::Refused(refusal) => Answer::Refused(refusal),
            Self::Unknown(reason) => Answer::Unknown(reason),
        }
    }
}

/// A rejection, as the contract names it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// `innerError.code`
    pub code: String,
}

impl Refusal {
    pub(super) fn new(status: u16, code: &str) -> Self {
        Self { status, code: code.to_owned() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, self.code)
    }
}

/// A run as a response shows it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The run.
    pub run: RunId,
    /// The tag of the version that is shown.
    pub tag: EntityTag,
    /// The properties without annotations; a list leaves out blockingError and statistics.
    pub values: Arc<JsonObject>,
}

/// The rows of a list.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The rows, page after page.
    pub rows: Vec<Seen>,
    /// Whether the list was read to its end; a list that is too long is not.
    pub complete: bool,
}

impl Listing {
    /// The maximum number of pages that are read.
    pub(super) const MAX_PAGES: usize = 64;
}

/// An entry of a run's history.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The version that the run got.
    pub version: i64,
    /// When, by the clock of the server.
    pub occurred: Timestamp,
    /// What was done.
    pub action: Action,
    /// The changed properties.
    pub changes: Vec<PropertyChange>,
}
