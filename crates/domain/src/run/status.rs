//! The statuses of a run and the transitions between them.

use std::fmt;

use thiserror::Error;

/// How a run ended. It never changes.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Outcome {
    /// No errors and no warnings.
    Completed,
    /// Only optional values were dropped.
    CompletedWithWarnings,
    /// Some records failed required validation and were dropped.
    CompletedWithErrors,
    /// The run could not be completed.
    Failed,
}

/// The status of a run. Every status but `running` is terminal.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum RunStatus {
    /// In progress.
    Running,
    /// Ended.
    Ended(Outcome),
}

/// What a reported status does to a run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Transition {
    /// The status stays the same.
    None,
    /// The run ends.
    End(Outcome),
}

/// The stored status does not allow the reported one.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("a run that is {from} cannot become {to}")]
pub struct TransitionError {
    /// The stored status.
    pub from: RunStatus,
    /// The reported status.
    pub to: RunStatus,
}

impl RunStatus {
    /// All statuses, in the order of the specification.
    pub const ALL: [Self; 5] = [
        Self::Running,
        Self::Ended(Outcome::Failed),
        Self::Ended(Outcome::Completed),
        Self::Ended(Outcome::CompletedWithErrors),
        Self::Ended(Outcome::CompletedWithWarnings),
    ];

    /// The name in JSON and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Ended(Outcome::Completed) => "completed",
            Self::Ended(Outcome::CompletedWithWarnings) => "completedWithWarnings",
            Self::Ended(Outcome::CompletedWithErrors) => "completedWithErrors",
            Self::Ended(Outcome::Failed) => "failed",
        }
    }

    /// The status with this name, case-sensitive. `unknownFutureValue` is not a status.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }

    /// The transition when `reported` is reported for a run that is stored with this status.
    ///
    /// ```
    /// use flowruns_domain::run::{Outcome, RunStatus, Transition};
    ///
    /// let failed = RunStatus::Ended(Outcome::Failed);
    /// assert_eq!(RunStatus::Running.report(failed), Ok(Transition::End(Outcome::Failed)));
    /// assert_eq!(failed.report(failed), Ok(Transition::None));
    /// assert!(failed.report(RunStatus::Running).is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// [`TransitionError`] when the run has ended and another status is reported.
    pub fn report(self, reported: Self) -> Result<Transition, TransitionError> {
        match (self, reported) {
            (Self::Running, Self::Running) => Ok(Transition::None),
            (Self::Running, Self::Ended(outcome)) => Ok(Transition::End(outcome)),
            (from, to) if from == to => Ok(Transition::None),
            (from, to) => Err(TransitionError { from, to }),
        }
    }

    /// The urgency of a report of this status.
    pub const fn urgency(self) -> Urgency {
        match self {
            Self::Running => Urgency::Ordinary,
            Self::Ended(_) => Urgency::EndsRun,
        }
    }

    /// Whether a run of this status may have a blockingError.
    pub const fn may_hold_blocking_error(self) -> bool {
        match self {
            Self::Running | Self::Ended(Outcome::CompletedWithErrors | Outcome::Failed) => true,
            Self::Ended(Outcome::Completed | Outcome::CompletedWithWarnings) => false,
        }
    }
}

impl fmt::Display for RunStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The priority of a report when a queue is full.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Urgency {
    /// Rejected first: the client sends it again, or another report follows.
    #[default]
    Ordinary,
    /// Rejected last: it ends a run, and nothing else tells the consumers that it has ended.
    EndsRun,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_case_sensitive_and_the_sentinel_is_not_a_status() {
        for name in ["Running", "unknownFutureValue", "completedwitherrors", ""] {
            assert_eq!(RunStatus::from_name(name), None);
        }
    }
}
