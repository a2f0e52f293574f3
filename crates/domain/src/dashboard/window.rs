//! Runs in a window of time.

use crate::{
    dashboard::bounds::FlowIds,
    id::{FlowId, RunId},
    run::state::RunState,
    timestamp::Timestamp,
};

/// Up to 25 flows, and a window of time.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RunWindow {
    flows: FlowIds,
    from: Timestamp,
    to: Timestamp,
}

impl RunWindow {
    /// The greatest number of flows.
    pub const MAX_FLOWS: usize = 25;
    /// The greatest number of runs of a flow that started in the window, and of those that ended in it and are looked at for runs
    /// that started earlier.
    pub const MAX_RUNS: usize = 300;
    /// How many of the last runs that a flow started before the window are looked at for runs that ended after it, and the greatest
    /// number of runs in progress that started before it.
    pub const MAX_EARLIER: usize = 50;

    /// `None` for more than [`MAX_FLOWS`](Self::MAX_FLOWS) flows, for a flow that is listed twice, and for an empty window.
    pub fn new(
        flows: impl IntoIterator<Item = FlowId>,
        (from, to): (Timestamp, Timestamp),
    ) -> Option<Self> {
        let flows = FlowIds::new(flows)?;
        let is_bounded = flows.as_slice().len() <= Self::MAX_FLOWS;
        (is_bounded && from < to).then_some(Self { flows, from, to })
    }

    /// The ids, in the order in which they were given.
    pub fn flows(&self) -> &[FlowId] {
        self.flows.as_slice()
    }

    /// The beginning of the window.
    pub const fn from(&self) -> Timestamp {
        self.from
    }

    /// The end of the window, which is not part of it.
    pub const fn to(&self) -> Timestamp {
        self.to
    }
}

/// When a run started, and how it ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RunSpan {
    /// Unique within the flow.
    pub id: RunId,
    /// When the run started.
    pub start: Timestamp,
    /// Status and end.
    pub state: RunState,
}

/// The runs of a flow in a window.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WindowRuns {
    /// The flow.
    pub flow: FlowId,
    /// The runs, the earliest first, those of one start by id.
    pub runs: Vec<RunSpan>,
    /// Which runs are missing, if some are.
    pub missing: Option<MissingRuns>,
}

/// The runs of a window that were not read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MissingRuns {
    /// Why they were not read. Of several reasons it is the first one in the order of the variants.
    pub reason: MissingReason,
    /// All runs that started at this time or later were read. It is in the window; but if no run that started in it was read, it is
    /// the end of the window.
    pub complete_from: Timestamp,
}

/// Why runs of a window are missing.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum MissingReason {
    /// More than [`MAX_RUNS`](RunWindow::MAX_RUNS) runs started in the window. The first ones are missing.
    Started,
    /// More than [`MAX_RUNS`](RunWindow::MAX_RUNS) runs ended in the window. Of the last ones, those are missing that started before
    /// it.
    Ended,
    /// More than [`MAX_EARLIER`](RunWindow::MAX_EARLIER) runs are in progress that started before the window. The first ones are
    /// missing.
    Running,
}

/// The runs of a flow as a store found them.
#[derive(Clone, Debug, Default)]
pub struct FoundRuns {
    /// Runs that started in the window, the newest first: up to one more than [`MAX_RUNS`](RunWindow::MAX_RUNS).
    pub started: Vec<RunSpan>,
    /// Runs that started before the window.
    pub earlier: Vec<RunSpan>,
    /// Whether more runs ended in the window than were looked at.
    pub has_more_ended: bool,
    /// Whether more runs in progress started before the window than were looked at.
    pub has_more_running: bool,
}

impl FoundRuns {
    /// The runs of the window. If there are too many, the first ones are left out.
    pub fn within(self, flow: FlowId, window: &RunWindow) -> WindowRuns {
        let Self { mut started, earlier, has_more_ended, has_more_running } = self;
        let left_out = started.get(RunWindow::MAX_RUNS).map(|run| run.start);
        if let Some(left_out) = left_out {
            // Other runs of this start may be missing too.
            started.retain(|run| run.start > left_out);
        }
        let first = started.last().map_or(window.to, |run| run.start);
        let (reason, complete_from) = match (left_out, has_more_ended, has_more_running) {
            (Some(_), ..) => (Some(MissingReason::Started), first),
            (None, true, _) => (Some(MissingReason::Ended), window.from),
            (None, false, true) => (Some(MissingReason::Running), window.from),
            (None, false, false) => (None, window.from),
        };
        let mut runs = [started, earlier].concat();
        runs.sort_unstable_by_key(|run| (run.start, run.id));
        WindowRuns {
            flow,
            runs,
            missing: reason.map(|reason| MissingRuns { reason, complete_from }),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::run::status::Outcome;

    fn at(minute: usize) -> Timestamp {
        let time = format!(
            "2026-03-{:02}T{:02}:{:02}:00Z",
            minute / 1440 + 1,
            minute / 60 % 24,
            minute % 60
        );
        time.parse().unwrap()
    }

    fn flow(number: u128) -> FlowId {
        FlowId::new(Uuid::from_u128(number)).unwrap()
    }

    fn window() -> RunWindow {
        RunWindow::new([flow(1)], (at(0), at(1000))).unwrap()
    }

    fn run(number: usize, start: usize) -> RunSpan {
        let state = RunState::Ended { outcome: Outcome::Completed, at: at(1500) };
        let id = Uuid::from_u128(number as u128 + 1).to_string().parse().unwrap();
        RunSpan { id, start: at(start), state }
    }

    fn missing(reason: MissingReason, from: usize) -> Option<MissingRuns> {
        Some(MissingRuns { reason, complete_from: at(from) })
    }

    #[test]
    fn a_window_has_at_most_25_distinct_flows_and_is_not_empty() {
        let new = |flows, times| RunWindow::new((1..=flows).map(flow), times);
        assert!(new(25, (at(0), at(1))).is_some());
        assert_eq!(new(26, (at(0), at(1))), None);
        assert_eq!(new(1, (at(1), at(1))), None);
        assert_eq!(RunWindow::new([flow(1), flow(1)], (at(0), at(1))), None);
    }

    #[test]
    fn all_runs_of_a_start_are_left_out_if_one_is() {
        let limit = RunWindow::MAX_RUNS;
        // Two runs a minute, the newest first.
        let started: Vec<_> = (0..=limit).map(|number| run(number, 999 - number / 2)).collect();
        let all = FoundRuns { started: started[..limit].to_vec(), ..FoundRuns::default() };
        let all = all.within(flow(1), &window());
        assert_eq!((all.runs.len(), all.missing), (limit, None));
        assert!(all.runs.is_sorted_by_key(|run| (run.start, run.id)));

        let cut = FoundRuns { started: started[1..].to_vec(), ..FoundRuns::default() };
        assert_eq!(cut.within(flow(1), &window()).missing, None, "{limit} are not too many");
        let cut = FoundRuns { started, ..FoundRuns::default() }.within(flow(1), &window());
        assert_eq!((cut.runs.len(), cut.missing), (limit, missing(MissingReason::Started, 850)));
        let of_one_start = (0..=limit).map(|number| run(number, 5)).collect();
        let none = FoundRuns { started: of_one_start, ..FoundRuns::default() };
        let none = none.within(flow(1), &window());
        assert_eq!((none.runs, none.missing), (vec![], missing(MissingReason::Started, 1000)));
    }

    #[test]
    fn runs_that_started_before_the_window_may_be_missing_too() {
        for (has_more_ended, has_more_running, reason) in [
            (true, false, MissingReason::Ended),
            (false, true, MissingReason::Running),
            (true, true, MissingReason::Ended),
        ] {
            let (started, earlier) = (vec![run(2, 7)], vec![run(1, 0)]);
            let found = FoundRuns { started, earlier, has_more_ended, has_more_running };
            let found = found.within(flow(1), &window());
            assert_eq!(found.runs, [run(1, 0), run(2, 7)]);
            assert_eq!(found.missing, missing(reason, 0));
        }
    }
}
