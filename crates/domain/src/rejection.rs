//! Why a request is refused, in the domain's words; the api chooses the status code.

use std::fmt;

use thiserror::Error;

use crate::{excerpt::excerpt_of, status::RunStatus, timestamp::Timestamp};

/// The rule that a property breaks.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Rule {
    /// A value of another JSON type.
    InvalidType,
    /// Null for a property that always has a value.
    NullNotAllowed,
    /// A property that the type does not have.
    UnknownProperty,
    /// A read-only property with another value.
    PropertyNotUpdateable,
    /// A property that a creation needs.
    PropertyRequired,
    /// A name that is no member of the enumeration.
    InvalidEnumValue,
    /// No DateTimeOffset.
    InvalidDateTime,
    /// No display name.
    InvalidDisplayName,
    /// No id.
    InvalidId,
    /// No `*` and no list of entity tags.
    MalformedEntityTag,
    /// An end for a run that stays in progress.
    EndDateTimeWithoutEnd,
    /// A run created already ended, without its end.
    EndDateTimeRequired,
    /// The end is before the start.
    EndBeforeStart,
    /// An error on a run that completed.
    BlockingErrorNotAllowed,
    /// The error is over its limit in bytes, even with its strings cut.
    BlockingErrorTooLarge,
    /// The error is over its limit in levels.
    BlockingErrorTooDeep,
    /// The statistics are over their limit in bytes.
    StatisticsTooLarge,
    /// The statistics are over their limit in levels.
    StatisticsTooDeep,
    /// The recurrence of a flow expires before it begins.
    ExpirationBeforeEffective,
    /// This many more faults, which are not listed.
    MoreFaults(usize),
}

impl Rule {
    /// The specific error code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidType => "invalidType",
            Self::NullNotAllowed => "nullNotAllowed",
            Self::UnknownProperty => "unknownProperty",
            Self::PropertyNotUpdateable => "propertyNotUpdateable",
            Self::PropertyRequired => "propertyRequired",
            Self::InvalidEnumValue => "invalidEnumValue",
            Self::InvalidDateTime => "invalidDateTime",
            Self::InvalidDisplayName => "invalidDisplayName",
            Self::InvalidId => "invalidId",
            Self::MalformedEntityTag => "malformedEntityTag",
            Self::EndDateTimeWithoutEnd => "endDateTimeWithoutEnd",
            Self::EndDateTimeRequired => "endDateTimeRequired",
            Self::EndBeforeStart => "endBeforeStart",
            Self::BlockingErrorNotAllowed => "blockingErrorNotAllowed",
            Self::BlockingErrorTooLarge => "blockingErrorTooLarge",
            Self::BlockingErrorTooDeep => "blockingErrorTooDeep",
            Self::StatisticsTooLarge => "statisticsTooLarge",
            Self::StatisticsTooDeep => "statisticsTooDeep",
            Self::ExpirationBeforeEffective => "expirationBeforeEffective",
            Self::MoreFaults(_) => "moreFaults",
        }
    }
}

/// One thing that is wrong with a request, and where.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{message}")]
pub struct Fault {
    /// The broken rule.
    pub rule: Rule,
    /// The path of the property, members separated by a slash.
    pub target: String,
    /// What to do about it.
    pub message: String,
}

impl Fault {
    /// The longest target and the longest message, in bytes; a longer one is cut.
    const MAX_TARGET_BYTES: usize = 256;
    const MAX_MESSAGE_BYTES: usize = 1024;

    /// A fault at a property.
    pub fn new(rule: Rule, target: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            rule,
            target: excerpt_of(&target.into(), Self::MAX_TARGET_BYTES).into_owned(),
            message: excerpt_of(&message.into(), Self::MAX_MESSAGE_BYTES).into_owned(),
        }
    }
}

/// The rule that a stored run's state enforces.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ConflictRule {
    /// The run has ended and was reported as if it had not.
    RunAlreadyEnded,
    /// The run ended otherwise.
    ConflictingOutcome,
    /// An error for a run that is stored as completed.
    BlockingErrorNotAllowed,
    /// A completion of a run that holds an error.
    BlockingErrorStored,
}

impl ConflictRule {
    /// The specific error code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::RunAlreadyEnded => "runAlreadyEnded",
            Self::ConflictingOutcome => "conflictingOutcome",
            Self::BlockingErrorNotAllowed => "blockingErrorNotAllowed",
            Self::BlockingErrorStored => "blockingErrorStored",
        }
    }
}

/// What a report has that the stored run does not allow: without it the report is accepted.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ConflictCauses {
    /// The reported status.
    Status,
    /// An endDateTime that is null.
    NullEnd,
    /// Both.
    StatusAndNullEnd,
    /// The error, sent or stored.
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

/// A report that the stored run does not allow. Sent again it is refused again.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub struct Conflict {
    /// The rule that refused it.
    pub rule: ConflictRule,
    /// What to leave out of the report.
    pub causes: ConflictCauses,
    /// The status that is stored.
    pub stored: RunStatus,
    /// Since when: the end of a run that has ended, else its start.
    pub reached: Timestamp,
    /// The statuses that could still be reported.
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

/// Why a stored row was not changed.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum PatchRejected {
    /// The request is wrong; never empty.
    #[error("the request breaks a rule")]
    Invalid(Vec<Fault>),
    /// The server demands an If-Match.
    #[error("an If-Match header is required; read the resource and send its ETag")]
    PreconditionRequired,
    /// The row is not the one that was read.
    #[error(
        "the resource has changed since it was read; read it again and repeat the change on what is there"
    )]
    PreconditionFailed,
    /// If-None-Match names the version that is stored, or any.
    #[error(
        "If-None-Match matches the resource as it is stored, so nothing was changed; leave If-None-Match out to change it"
    )]
    VersionExcluded,
    /// The stored state does not allow it.
    #[error(transparent)]
    Conflict(Conflict),
}
