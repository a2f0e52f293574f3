//! How many runs have a status.

use crate::{id::FlowId, run::status::RunStatus, timestamp::Timestamp};

/// Which runs a tally counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TallyRequest {
    /// Those of this status.
    pub status: RunStatus,
    /// Only those that started at this time or later.
    pub since: Option<Timestamp>,
}

/// The runs of one status in one flow.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FlowTally {
    /// The flow.
    pub flow: FlowId,
    /// The number of runs.
    pub runs: u16,
}

/// How many runs of a tenant have a status, and in which flows. If they are more than [`LIMIT`](Self::LIMIT), it covers only the
/// newest of them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Tally {
    /// The flows that have such runs: most runs first, then by id.
    pub flows: Vec<FlowTally>,
    /// Whether there are more than [`LIMIT`](Self::LIMIT) runs.
    pub has_more: bool,
}

impl Tally {
    /// The greatest number of runs that are counted.
    pub const LIMIT: u16 = 1000;

    /// A tally of the flows of some runs, in any order.
    pub fn new(mut flows: Vec<FlowTally>, has_more: bool) -> Self {
        flows.sort_unstable_by_key(|one| (std::cmp::Reverse(one.runs), one.flow));
        Self { flows, has_more }
    }

    /// The number of runs that were counted.
    pub fn runs(&self) -> usize {
        self.flows.iter().map(|one| usize::from(one.runs)).sum()
    }
}
