//! What a filter says about every row that it matches.

use uuid::Uuid;

use super::filter::{FlowFilter, FlowTerm, Operator, RunFilter, RunTerm, Test};
use crate::status::RunStatus;

impl RunFilter {
    /// The ids of which each matching run has one, in order and without repetitions; `None` if the filter lists none.
    pub fn required_ids(&self) -> Option<Vec<Uuid>> {
        self.required().into_iter().find_map(|term| match term {
            RunTerm::Id(test) => listed_ids(test),
            RunTerm::DisplayName(_) | RunTerm::Start(_) | RunTerm::End(_) | RunTerm::Status(_) => {
                None
            }
        })
    }

    /// The statuses that a matching run can have, whatever its other properties are.
    pub fn possible_statuses(&self) -> Vec<RunStatus> {
        let is_possible = |status: &RunStatus| outcome(self, *status) != Some(false);
        RunStatus::ALL.into_iter().filter(is_possible).collect()
    }
}

impl FlowFilter {
    /// The ids of which each matching flow has one, in order and without repetitions; `None` if the filter lists none.
    pub fn required_ids(&self) -> Option<Vec<Uuid>> {
        self.required().into_iter().find_map(|term| match term {
            FlowTerm::Id(test) => listed_ids(test),
            FlowTerm::DisplayName(_) | FlowTerm::ReadinessStatus(_) => None,
        })
    }
}

fn listed_ids(test: &Test<Uuid>) -> Option<Vec<Uuid>> {
    let mut ids: Vec<Uuid> = match test {
        Test::Compare(Operator::Eq, id) => id.iter().copied().collect(),
        Test::In(ids) => ids.iter().flatten().copied().collect(),
        Test::Compare(..) => return None,
    };
    ids.sort_unstable();
    ids.dedup();
    Some(ids)
}

/// Whether the condition holds for a run of this status; `None` where that depends on other properties.
fn outcome(filter: &RunFilter, status: RunStatus) -> Option<bool> {
    let combined = |parts: &[RunFilter], decisive: bool| {
        let outcomes: Vec<_> = parts.iter().map(|part| outcome(part, status)).collect();
        if outcomes.contains(&Some(decisive)) {
            Some(decisive)
        } else if outcomes.contains(&None) {
            None
        } else {
            Some(!decisive)
        }
    };
    match filter {
        RunFilter::Is(RunTerm::Status(test)) => Some(test.holds(Some(&status))),
        RunFilter::Is(_) => None,
        RunFilter::Not(inner) => outcome(inner, status).map(|holds| !holds),
        RunFilter::And(parts) => combined(parts, false),
        RunFilter::Or(parts) => combined(parts, true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::filter::{EnumTest, TextTest};

    fn status(name: &str) -> RunFilter {
        RunFilter::Is(RunTerm::Status(EnumTest::Eq(RunStatus::from_name(name))))
    }

    fn name() -> RunFilter {
        RunFilter::Is(RunTerm::DisplayName(TextTest::Contains("a".to_owned())))
    }

    fn not(filter: RunFilter) -> RunFilter {
        RunFilter::Not(Box::new(filter))
    }

    #[test]
    fn a_filter_leaves_the_statuses_that_it_does_not_exclude() {
        let either = RunFilter::Or(vec![status("failed"), status("running")]);
        let both = RunFilter::And(vec![status("failed"), status("running")]);
        for (filter, expected) in [
            (status("failed"), vec!["failed"]),
            (either.clone(), vec!["running", "failed"]),
            (both, vec![]),
            (
                not(either.clone()),
                vec!["completed", "completedWithWarnings", "completedWithErrors"],
            ),
            (
                RunFilter::And(vec![name(), either]),
                vec!["running", "failed"],
            ),
        ] {
            let possible = filter.possible_statuses();
            let mut names: Vec<&str> = possible.iter().map(|status| status.as_str()).collect();
            let mut expected = expected;
            names.sort_unstable();
            expected.sort_unstable();
            assert_eq!(names, expected, "{filter:?}");
        }
        let all = RunStatus::ALL.len();
        for filter in [name(), RunFilter::Or(vec![status("failed"), name()])] {
            assert_eq!(filter.possible_statuses().len(), all, "{filter:?}");
            assert_eq!(not(name()).possible_statuses().len(), all);
        }
    }
}
