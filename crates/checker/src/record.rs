//! The requests of the clients, the responses, and their times.

use std::{fmt, time::Duration};

use flowruns_domain::id::{FlowId, RunId};

use super::{
    report::{Creation, Report},
    target::{Listing, Seen, TargetResponse},
};

/// All requests of a load. Times count from its beginning, on a monotonic clock.
#[derive(Clone, Debug)]
pub struct Record {
    /// The flow.
    pub flow: FlowId,
    /// The runs, which were created before the first operation.
    pub runs: Vec<Creation>,
    /// What the clients did.
    pub operations: Vec<Operation>,
    /// How long it took.
    pub lasted: Duration,
}

/// One operation of a client.
#[derive(Clone, Debug)]
pub struct Operation {
    /// The client, from 0.
    pub client: usize,
    /// Its operations are numbered from 1.
    pub number: u64,
    /// The request, with each attempt.
    pub request: Request,
}

/// A request and its attempts.
#[derive(Clone, Debug)]
pub enum Request {
    /// To change a run. The same report is sent again after an unknown outcome, so that at most the last attempt has
    /// another one.
    Patch {
        /// The run.
        run: RunId,
        /// The report.
        report: Box<Report>,
        /// Identifies it in the history; None for a report that cannot change anything.
        marker: Option<Marker>,
        /// The attempts, at least one.
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

/// A request and its response.
#[derive(Clone, Debug)]
pub struct Attempt<T> {
    /// The time before it was sent.
    pub invoked: Duration,
    /// The time of the response, or when the client stopped to wait for it.
    pub responded: Duration,
    /// The response.
    pub response: TargetResponse<T>,
}

/// How messages name an operation.
impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match &self.request {
            Request::Patch { report, .. } => {
                return write!(f, "report {}.{} {}", self.client, self.number, ShortBody(report));
            }
            Request::Get { .. } => "get",
            Request::List(_) => "list",
        };
        write!(f, "{what} {}.{}", self.client, self.number)
    }
}

/// A body, truncated if it is long, and its precondition.
struct ShortBody<'a>(&'a Report);

impl fmt::Display for ShortBody<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 160;
        let body = serde_json::to_string(&self.0.body).map_err(|_| fmt::Error)?;
        let cut: String = body.chars().take(SHOWN).collect();
        let rest = if cut.len() < body.len() { "…" } else { "" };
        write!(f, "{cut}{rest}")?;
        match &self.0.if_match {
            flowruns_domain::version::IfMatch::Absent
            | flowruns_domain::version::IfMatch::AbsentButRequired => Ok(()),
            flowruns_domain::version::IfMatch::Any => f.write_str(" If-Match *"),
            flowruns_domain::version::IfMatch::OneOf(tags) => {
                let tags: Vec<_> = tags.iter().map(|tag| tag.as_str()).collect();
                write!(f, " If-Match {}", tags.join(", "))
            }
        }
    }
}
