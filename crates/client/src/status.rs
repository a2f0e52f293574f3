//! The status of a run, as it is read and as it is reported.

use std::fmt;

use flowruns_domain::run::{self, RunStatus};

use crate::BlockingError;

/// The status of a run, as the server shows it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Status {
    /// In progress.
    Running,
    /// Ended without errors and warnings.
    Completed,
    /// Ended; only optional values were dropped.
    CompletedWithWarnings,
    /// Ended; some records failed validation and were dropped.
    CompletedWithErrors,
    /// Ended; the run could not be completed.
    Failed,
    /// A status that this version of the crate does not know.
    Unknown(String),
}

impl Status {
    /// The name in the API.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Unknown(name) => name,
            known => known.known().map_or("", RunStatus::as_str),
        }
    }

    /// Whether the run has ended: then its status never changes. A status that is not known counts as ended.
    pub const fn is_terminal(&self) -> bool {
        !matches!(self, Self::Running)
    }

    /// The status with this name.
    pub(crate) fn from_name(name: &str) -> Self {
        let unknown = || Self::Unknown(name.to_owned());
        RunStatus::from_name(name).map_or_else(unknown, Self::from)
    }

    const fn known(&self) -> Option<RunStatus> {
        Some(match self {
            Self::Running => RunStatus::Running,
            Self::Completed => RunStatus::Ended(run::Outcome::Completed),
            Self::CompletedWithWarnings => RunStatus::Ended(run::Outcome::CompletedWithWarnings),
            Self::CompletedWithErrors => RunStatus::Ended(run::Outcome::CompletedWithErrors),
            Self::Failed => RunStatus::Ended(run::Outcome::Failed),
            Self::Unknown(_) => return None,
        })
    }
}

impl From<RunStatus> for Status {
    fn from(status: RunStatus) -> Self {
        match status {
            RunStatus::Running => Self::Running,
            RunStatus::Ended(run::Outcome::Completed) => Self::Completed,
            RunStatus::Ended(run::Outcome::CompletedWithWarnings) => Self::CompletedWithWarnings,
            RunStatus::Ended(run::Outcome::CompletedWithErrors) => Self::CompletedWithErrors,
            RunStatus::Ended(run::Outcome::Failed) => Self::Failed,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a job ended, if it was not a failure. A failure is an error: see [`Run::fail`](crate::Run::fail).
///
/// An error beside a completion cannot be written:
///
/// ```compile_fail,E0618
/// use flowruns_client::{BlockingError, Outcome};
///
/// let outcome = Outcome::Completed(BlockingError::new("io", "the source did not answer"));
/// ```
///
/// Nor can a run be ended as running:
///
/// ```compile_fail,E0599
/// let outcome = flowruns_client::Outcome::Running;
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// No errors and no warnings.
    Completed,
    /// Only optional values were dropped.
    WithWarnings,
    /// Some records failed validation and were dropped. The error describes them.
    WithErrors(Option<BlockingError>),
}

impl Outcome {
    pub(crate) fn into_parts(self) -> (run::Outcome, Option<BlockingError>) {
        match self {
            Self::Completed => (run::Outcome::Completed, None),
            Self::WithWarnings => (run::Outcome::CompletedWithWarnings, None),
            Self::WithErrors(error) => (run::Outcome::CompletedWithErrors, error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_of_the_service_is_known_and_others_are_kept() {
        for status in RunStatus::ALL {
            let read = Status::from_name(status.as_str());
            assert_eq!(read, Status::from(status));
            assert_eq!(read.to_string(), status.as_str());
            assert_eq!(read.is_terminal(), status != RunStatus::Running);
        }
        let later = Status::from_name("paused");
        assert_eq!(later, Status::Unknown("paused".to_owned()));
        assert_eq!(later.to_string(), "paused");
        assert!(later.is_terminal());
    }
}
