//! Errors of requests and of reports.

use std::error::Error as StdError;

use flowruns_domain::{display_name::InvalidDisplayName, id::FlowId, id::InvalidId};
use thiserror::Error;

use crate::{
    Ended, StatisticsError, Status,
    refusal::{Fault, Refusal, Rule},
    token::TokenError,
};

/// An error of any type, as `?` makes it in a job. `anyhow::Error` becomes one too.
pub type JobError = Box<dyn StdError + Send + Sync>;

/// Why a request has no result.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// No final response until the deadline. What a write did is not known.
    #[error("the server at {server} did not respond in time; {attempts} attempts were made")]
    Away {
        /// The base URL.
        server: String,
        /// The number of attempts.
        attempts: u32,
        /// What became of the last one.
        #[source]
        last: Option<JobError>,
    },
    /// 400: the request breaks rules.
    #[error("the request is not valid")]
    Invalid(#[source] Refusal),
    /// 401 and 403: the token is not accepted, or lacks a permission.
    #[error("the server does not allow it")]
    NotAllowed(#[source] Refusal),
    /// 404: there is no such flow or run for this token.
    #[error("not found")]
    NotFound(#[source] Refusal),
    /// 409, 412, 422, and other final responses.
    #[error("the server refuses it")]
    Refused(#[source] Refusal),
    /// No flow has this display name.
    #[error("no flow has the name {0:?}")]
    NoSuchFlow(String),
    /// Several flows have this display name: use an id.
    #[error("{} flows have the name {name:?}; use the id of one of them: {}", flows.len(), listed(flows))]
    SeveralFlows {
        /// The name.
        name: String,
        /// Their ids, at most 50.
        flows: Vec<FlowId>,
    },
    /// A display name that the service does not accept.
    #[error("the name cannot be used")]
    InvalidName(#[from] InvalidDisplayName),
    /// A text that is no id.
    #[error("the id cannot be used")]
    InvalidId(#[from] InvalidId),
    /// Statistics that cannot be sent.
    #[error("the statistics are not valid")]
    Statistics(#[from] StatisticsError),
    /// The run has ended, so this process cannot go on with it.
    #[error("the run has ended as {0}")]
    AlreadyEnded(Status),
    /// No token is at hand.
    #[error("no token for the request")]
    Token(#[source] TokenError),
    /// A response that is not one of the service, such as the page of a proxy.
    #[error("the response is not one of flowruns: {0}")]
    Unreadable(String),
    /// The client's thread has ended.
    #[error("the client was closed")]
    Closed,
}

fn listed(flows: &[FlowId]) -> String {
    flows.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl Error {
    /// The response of the server, if it is one.
    pub const fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Invalid(refusal)
            | Self::NotAllowed(refusal)
            | Self::NotFound(refusal)
            | Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// Whether the same request could succeed later: the server was away, or the token was not accepted.
    pub const fn is_temporary(&self) -> bool {
        matches!(
            self,
            Self::Away { .. } | Self::Token(_) | Self::NotAllowed(_) | Self::Unreadable(_)
        )
    }
}

/// Why the end of a run was not acknowledged.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The stored run contradicts the report, and the server keeps what is stored.
    #[error("the report is refused: {message}")]
    Refused {
        /// The rule.
        rule: Rule,
        /// The status that is stored, if the server returned it.
        stored: Option<Status>,
        /// What the server says.
        message: String,
    },
    /// It is not known whether the report is stored. If it is spooled, it is sent again later, which is harmless.
    #[error("the report was not acknowledged; it is {}", kept(*spooled))]
    Unknown {
        /// Whether it is in the spool.
        spooled: bool,
        /// The last error.
        #[source]
        last: Box<Error>,
    },
    /// The token is not accepted, or lacks a permission.
    #[error("the report is not allowed; it is {}", kept(*spooled))]
    NotAllowed {
        /// Whether it is in the spool, to be sent with another token.
        spooled: bool,
        /// What the server says.
        #[source]
        error: Box<Error>,
    },
    /// The flow or the run does not exist for this token.
    #[error("the run or its flow does not exist")]
    NotFound(#[source] Box<Error>),
    /// The report breaks rules of the service. The run is reported as failed instead.
    #[error("the report is not valid: {}", first(faults))]
    Invalid {
        /// What is wrong.
        faults: Vec<Fault>,
    },
    /// The statistics of the report cannot be sent. The run is reported as failed instead.
    #[error("the statistics of the report are not valid")]
    Statistics(#[from] StatisticsError),
}

const fn kept(spooled: bool) -> &'static str {
    if spooled { "in the spool, to be sent later" } else { "kept nowhere" }
}

fn first(faults: &[Fault]) -> &str {
    faults.first().map_or("no reason was given", |fault| fault.message.as_str())
}

/// Why [`Flow::run`](crate::Flow::run) has no acknowledged outcome of success.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RunError {
    /// The job returned an error, and the run is reported as failed.
    #[error("the job failed")]
    Job {
        /// The error of the job.
        #[source]
        error: JobError,
        /// What became of the report.
        report: Result<Ended, ReportError>,
    },
    /// The job did not start, because the name of the run cannot be used.
    #[error("the job was not started")]
    NotStarted(#[from] InvalidDisplayName),
    /// The job succeeded, and its report was not acknowledged.
    #[error("the job is done, and its outcome was not acknowledged")]
    Report(#[source] ReportError),
}
