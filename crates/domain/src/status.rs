//! The transition table: which status may follow which.

use std::fmt;

use thiserror::Error;

/// How a run ended. Terminal, and terminal is final.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Outcome {
    /// No errors and no warnings.
    Completed,
    /// Only optional values were dropped.
    CompletedWithWarnings,
    /// Some records failed required validation and were dropped.
    CompletedWithErrors,
    /// The run did not get through.
    Failed,
}

/// The status of a run. `running` is the only open one.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum RunStatus {
    /// In progress.
    Running,
    /// Ended, for good.
    Ended(Outcome),
}

/// What a reported status does to a run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Transition {
    /// The status stays; other properties merge.
    None,
    /// The run ends.
    End(Outcome),
}

/// A reported status that the stored one does not allow.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("a run that is {from} cannot become {to}")]
pub struct TransitionError {
    /// The stored status.
    pub from: RunStatus,
    /// The reported status.
    pub to: RunStatus,
}

impl RunStatus {
    /// Every status, in the order in which the specification lists them.
    pub const ALL: [Self; 5] = [
        Self::Running,
        Self::Ended(Outcome::Failed),
        Self::Ended(Outcome::Completed),
        Self::Ended(Outcome::CompletedWithErrors),
        Self::Ended(Outcome::CompletedWithWarnings),
    ];

    /// The name on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Ended(Outcome::Completed) => "completed",
            Self::Ended(Outcome::CompletedWithWarnings) => "completedWithWarnings",
            Self::Ended(Outcome::CompletedWithErrors) => "completedWithErrors",
            Self::Ended(Outcome::Failed) => "failed",
        }
    }

    /// The status of this name, in this case; `unknownFutureValue` is none.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }

    /// What a report of `reported` does to a run that is stored with this status.
    ///
    /// ```
    /// use flowruns_domain::{Outcome, RunStatus, Transition};
    ///
    /// let failed = RunStatus::Ended(Outcome::Failed);
    /// assert_eq!(RunStatus::Running.report(failed), Ok(Transition::End(Outcome::Failed)));
    /// assert_eq!(failed.report(failed), Ok(Transition::None));
    /// assert!(failed.report(RunStatus::Running).is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// [`TransitionError`] when the run has ended and something else than how it ended is reported.
    pub fn report(self, reported: Self) -> Result<Transition, TransitionError> {
        match (self, reported) {
            (Self::Running, Self::Running) => Ok(Transition::None),
            (Self::Running, Self::Ended(outcome)) => Ok(Transition::End(outcome)),
            (from, to) if from == to => Ok(Transition::None),
            (from, to) => Err(TransitionError { from, to }),
        }
    }

    /// Whether a report of this status is refused last when too much waits.
    pub const fn urgency(self) -> Urgency {
        match self {
            Self::Running => Urgency::Ordinary,
            Self::Ended(_) => Urgency::EndsRun,
        }
    }

    /// Whether a run of this status may hold a blockingError.
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

/// How late a report is rejected when the queue of a store is full.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Urgency {
    /// Rejected first: the client sends it again, or another report follows.
    #[default]
    Ordinary,
    /// Rejected last: it ends a run, and those who wait for the end learn of it in no other way.
    EndsRun,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stored, reported, and what the contract's table says: `-` stays, `end` ends, or `refused`.
    const GRID: &str = "
        running               running                -
        running               completed              end
        running               completedWithWarnings  end
        running               completedWithErrors    end
        running               failed                 end
        completed             running                refused
        completed             completed              -
        completed             completedWithWarnings  refused
        completed             completedWithErrors    refused
        completed             failed                 refused
        completedWithWarnings running                refused
        completedWithWarnings completed              refused
        completedWithWarnings completedWithWarnings  -
        completedWithWarnings completedWithErrors    refused
        completedWithWarnings failed                 refused
        completedWithErrors   running                refused
        completedWithErrors   completed              refused
        completedWithErrors   completedWithWarnings  refused
        completedWithErrors   completedWithErrors    -
        completedWithErrors   failed                 refused
        failed                running                refused
        failed                completed              refused
        failed                completedWithWarnings  refused
        failed                completedWithErrors    refused
        failed                failed                 -";

    #[test]
    fn every_pair_is_as_the_table_says() {
        let rows: Vec<Vec<&str>> = GRID
            .lines()
            .map(|line| line.split_whitespace().collect())
            .filter(|row: &Vec<_>| !row.is_empty())
            .collect();
        assert_eq!(rows.len(), RunStatus::ALL.len().pow(2));
        for row in rows {
            let from = RunStatus::from_name(row[0]).unwrap();
            let to = RunStatus::from_name(row[1]).unwrap();
            let expected = match (row[2], to) {
                ("-", _) => Ok(Transition::None),
                ("end", RunStatus::Ended(outcome)) => Ok(Transition::End(outcome)),
                _ => Err(TransitionError { from, to }),
            };
            assert_eq!(from.report(to), expected, "{row:?}");
        }
    }

    #[test]
    fn names_are_case_sensitive_and_the_sentinel_is_no_status() {
        for name in ["Running", "unknownFutureValue", "completedwitherrors", ""] {
            assert_eq!(RunStatus::from_name(name), None);
        }
    }
}
