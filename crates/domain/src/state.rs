//! Where a run stands: open, or ended at a time.

use crate::{
    status::{Outcome, RunStatus},
    timestamp::Timestamp,
};

/// The state of a run, with the data of that state.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RunState {
    /// In progress: there is no end.
    Running,
    /// Ended.
    Ended {
        /// How.
        outcome: Outcome,
        /// When, never before the start.
        at: Timestamp,
    },
}

impl RunState {
    /// The status that is shown for this state.
    pub const fn status(self) -> RunStatus {
        match self {
            Self::Running => RunStatus::Running,
            Self::Ended { outcome, .. } => RunStatus::Ended(outcome),
        }
    }

    /// The end, unless the run is in progress.
    pub const fn end(self) -> Option<Timestamp> {
        match self {
            Self::Running => None,
            Self::Ended { at, .. } => Some(at),
        }
    }
}
