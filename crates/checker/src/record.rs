//! What clients asked, what they were told, and when.

use std::{fmt, time::Duration};

use flowruns_domain::{FlowId, RunId};

use super::{
    report::{Creation, Report},
    target::{Answer, Listing, Seen},
};

/// All that a storm did. Times count from its beginning, on a monotonic clock.
#[derive(Clone, Debug)]
pub struct Record {
    /// The flow.
    pub flow: FlowId,
    /// The runs, which were all there before the first operation.
    pub runs: Vec<Creation>,
    /// What the clients did.
    pub operations: Vec<Operation>,
    /// How long it took.
    pub lasted: Duration,
}

/// What one client wanted at one time.
#[derive(Clone, Debug)]
pub struct Operation {
    /// The client, from 0.
    pub client: usize,
    /// Its operations are numbered from 1.
    pub number: u64,
    /// What it wanted, and was told at each attempt.
    pub request: Request,
}

/// What a client wanted, and was told.
#[derive(Clone, Debug)]
pub enum Request {
    /// To change a run. The same report is sent again after an unknown outcome, so that at most the last attempt has
    /// another one.
    Patch {
        /// The run.
        run: RunId,
        /// The report.
        report: Box<Report>,
        /// What identifies it in the history; one that can change nothing has none.
        marker: Option<Marker>,
        /// The attempts, never none.
        attempts: Vec<Attempt<Seen>>,
    },
    /// To read a run.
    Get {
        /// The run.
        run: RunId,
        /// The one attempt.
        attempt: Attempt<Seen>,
    },
    /// To read the list of runs.
    List(Attempt<Listing>),
}

/// A member of statistics that identifies the report that set it to this number.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Marker {
    /// The member, which only one client sets.
    pub member: String,
    /// The number of the operation.
    pub number: u64,
}

/// A question and its answer.
#[derive(Clone, Debug)]
pub struct Attempt<T> {
    /// Taken before it was sent.
    pub invoked: Duration,
    /// Taken when the answer was there, or when it was given up.
    pub answered: Duration,
    /// The answer.
    pub answer: Answer<T>,
}

/// How messages name an operation.
impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match &self.request {
            Request::Patch { report, .. } => {
                return write!(
                    f,
                    "report {}.{} {}",
                    self.client,
                    self.number,
                    ShortBody(report)
                );
            }
            Request::Get { .. } => "get",
            Request::List(_) => "list",
        };
        write!(f, "{what} {}.{}", self.client, self.number)
    }
}

/// A body that is cut where it gets long, and its precondition.
struct ShortBody<'a>(&'a Report);

impl fmt::Display for ShortBody<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 160;
        let body = serde_json::to_string(&self.0.body).map_err(|_| fmt::Error)?;
        let cut: String = body.chars().take(SHOWN).collect();
        let rest = if cut.len() < body.len() { "…" } else { "" };
        write!(f, "{cut}{rest}")?;
        match &self.0.if_match {
            flowruns_domain::IfMatch::Absent | flowruns_domain::IfMatch::Missing => Ok(()),
            flowruns_domain::IfMatch::Any => f.write_str(" If-Match *"),
            flowruns_domain::IfMatch::OneOf(tags) => {
                let tags: Vec<_> = tags.iter().map(|tag| tag.as_str()).collect();
                write!(f, " If-Match {}", tags.join(", "))
            }
        }
    }
}
