//! Runs without their documents, newest first.

use crate::{
    display_name::DisplayName,
    id::{FlowId, RunId},
    query::order::{Direction, RunOrder, RunSort},
    run::{entity::Run, state::RunState, status::RunStatus},
    timestamp::Timestamp,
    version::Version,
};

/// The order of all results of the dashboard: the latest start first, runs of one start by id. An index of every store has it.
pub const NEWEST_FIRST: RunOrder =
    RunOrder { sort: RunSort::Start, direction: Direction::Descending, ties: Direction::Ascending };

/// A run without its documents.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RecentRun {
    /// Unique within the flow.
    pub id: RunId,
    /// The version of the row.
    pub version: Version,
    /// The display name.
    pub display_name: DisplayName,
    /// When the run started.
    pub start: Timestamp,
    /// Status and end.
    pub state: RunState,
}

impl RecentRun {
    /// The status.
    pub const fn status(&self) -> RunStatus {
        self.state.status()
    }

    /// The end; `None` while the run is in progress.
    pub const fn end(&self) -> Option<Timestamp> {
        self.state.end()
    }
}

impl From<&Run> for RecentRun {
    fn from(run: &Run) -> Self {
        Self {
            id: run.key.run,
            version: run.version,
            display_name: run.properties.display_name.clone(),
            start: run.properties.start,
            state: run.properties.state,
        }
    }
}

/// The newest runs of a flow.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RecentRuns {
    /// The flow.
    pub flow: FlowId,
    /// Its newest runs, in the order of [`NEWEST_FIRST`].
    pub runs: Vec<RecentRun>,
}
