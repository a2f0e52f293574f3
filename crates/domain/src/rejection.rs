//! Why a row is not changed: by its rules, a precondition, or a conflict with its state.

use std::fmt;

use thiserror::Error;

use crate::{run::status::RunStatus, timestamp::Timestamp, violation::RuleViolation};

/// A rule that depends on the state of the stored run.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ConflictRule {
    /// The run has ended, and the report says that it is running.
    RunAlreadyEnded,
    /// The run has ended with another status.
    ConflictingOutcome,
    /// A blockingError for a run that has completed.
    BlockingErrorNotAllowed,
    /// A completion of a run that has a blockingError.
    BlockingErrorStored,
}

impl ConflictRule {
    /// The error code of the API, part of its interface.
    pub const fn code(self) -> &'static str {
        match self {
            Self::RunAlreadyEnded => "runAlreadyEnded",
            Self::ConflictingOutcome => "conflictingOutcome",
            Self::BlockingErrorNotAllowed => "blockingErrorNotAllowed",
            Self::BlockingErrorStored => "blockingErrorStored",
        }
    }
}

/// The properties of a report that conflict with the stored run. Without them the report is accepted.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ConflictCauses {
    /// The reported status.
    Status,
    /// A null endDateTime.
    NullEnd,
    /// Both.
    StatusAndNullEnd,
    /// The blockingError, sent or stored.
    BlockingError,
}

impl fmt::Display for ConflictCauses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Status => "status",
            Self::NullEnd => "the null endDateTime",
            Self::StatusAndNullEnd => "status and the null endDateTime",
            Self::BlockingError => "blockingError",
        })
    }
}

/// A report that conflicts with the state of the stored run. It is rejected however often it is sent.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub struct Conflict {
    /// The rule that rejects the report.
    pub rule: ConflictRule,
    /// The properties to leave out of the report.
    pub causes: ConflictCauses,
    /// The stored status.
    pub stored: RunStatus,
    /// When the stored status was reached: the end of the run, or its start while it is running.
    pub reached: Timestamp,
    /// The statuses that the run accepts.
    pub allowed: Vec<RunStatus>,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stored, causes, .. } = self;
        match self.rule {
            ConflictRule::RunAlreadyEnded => write!(
                f,
                "the run has ended as {stored}, which is final; leave {causes} out to add statistics"
            ),
            ConflictRule::ConflictingOutcome => write!(
                f,
                "the run has already ended as {stored}, which is final; leave {causes} out to add statistics"
            ),
            ConflictRule::BlockingErrorNotAllowed => write!(
                f,
                "the run is stored as {stored}, which has no blockingError; leave it out, or put the finding into statistics"
            ),
            ConflictRule::BlockingErrorStored => f.write_str(
                "the run holds a blockingError; send \"blockingError\": null too, or report completedWithErrors or failed",
            ),
        }
    }
}

/// Why a row is not changed.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum Rejection {
    /// The request breaks rules, at least one.
    #[error("the request breaks a rule")]
    Invalid(Vec<RuleViolation>),
    /// The server requires If-Match, and the request has none.
    #[error("an If-Match header is required; read the resource and send its ETag")]
    PreconditionRequired,
    /// If-Match does not name the stored version.
    #[error(
        "the resource has changed since it was read; read it again and repeat the change on its current state"
    )]
    PreconditionFailed,
    /// If-None-Match names the stored version, or any version.
    #[error(
        "If-None-Match matches the resource as it is stored, so nothing was changed; leave If-None-Match out to change it"
    )]
    VersionExcluded,
    /// The request conflicts with the stored state.
    #[error(transparent)]
    Conflict(Conflict),
}
