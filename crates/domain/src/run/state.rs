//! The state of a run.

use crate::{
    run::status::{Outcome, RunStatus},
    timestamp::Timestamp,
};

/// The state of a run, with the data of that state.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RunState {
    /// In progress. It has no end.
    Running,
    /// Ended.
    Ended {
        /// The terminal status.
        outcome: Outcome,
        /// The end, which is not before the start.
        at: Timestamp,
    },
}

impl RunState {
    /// The status in this state.
    pub const fn status(self) -> RunStatus {
        match self {
            Self::Running => RunStatus::Running,
            Self::Ended { outcome, .. } => RunStatus::Ended(outcome),
        }
    }

    /// The end; `None` while the run is in progress.
    pub const fn end(self) -> Option<Timestamp> {
        match self {
            Self::Running => None,
            Self::Ended { at, .. } => Some(at),
        }
    }

    /// Whether the run has ended, with a status that allows a blocking error.
    pub const fn may_have_ended_with_error(self) -> bool {
        self.end().is_some() && self.status().may_hold_blocking_error()
    }
}
