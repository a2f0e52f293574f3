//! Facts about all rows that match a filter.

use uuid::Uuid;

use crate::{
    query::{
        comparison::{Comparison, Operator},
        filter::{FlowFilter, FlowPredicate, RunFilter, RunPredicate},
    },
    run::status::RunStatus,
};

impl RunFilter {
    /// A list of ids that contains the id of every matching run, sorted and without duplicates; `None` if the filter requires none.
    pub fn required_ids(&self) -> Option<Vec<Uuid>> {
        self.required().into_iter().find_map(|predicate| match predicate {
            RunPredicate::Id(test) => listed_ids(test),
            RunPredicate::DisplayName(_)
            | RunPredicate::Start(_)
            | RunPredicate::End(_)
            | RunPredicate::Status(_) => None,
        })
    }

    /// The statuses that a matching run can have, whatever its other properties are.
    pub fn possible_statuses(&self) -> Vec<RunStatus> {
        let is_possible = |status: &RunStatus| outcome(self, *status) != Some(false);
        RunStatus::ALL.into_iter().filter(is_possible).collect()
    }
}

impl FlowFilter {
    /// A list of ids that contains the id of every matching flow, sorted and without duplicates; `None` if the filter requires none.
    pub fn required_ids(&self) -> Option<Vec<Uuid>> {
        self.required().into_iter().find_map(|predicate| match predicate {
            FlowPredicate::Id(test) => listed_ids(test),
            FlowPredicate::DisplayName(_) | FlowPredicate::ReadinessStatus(_) => None,
        })
    }
}

fn listed_ids(test: &Comparison<Uuid>) -> Option<Vec<Uuid>> {
    let mut ids: Vec<Uuid> = match test {
        Comparison::Compare(Operator::Eq, id) => id.iter().copied().collect(),
        Comparison::In(ids) => ids.iter().flatten().copied().collect(),
        Comparison::Compare(..) => return None,
    };
    ids.sort_unstable();
    ids.dedup();
    Some(ids)
}

/// Whether the filter matches a run of this status; `None` if that depends on other properties.
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
        RunFilter::Predicate(RunPredicate::Status(test)) => Some(test.holds(Some(&status))),
        RunFilter::Predicate(_) => None,
        RunFilter::Not(inner) => outcome(inner, status).map(|holds| !holds),
        RunFilter::And(parts) => combined(parts, false),
        RunFilter::Or(parts) => combined(parts, true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::comparison::{EnumComparison, TextComparison};

    fn status(name: &str) -> RunFilter {
        RunFilter::Predicate(RunPredicate::Status(EnumComparison::Eq(RunStatus::from_name(name))))
    }

    fn name() -> RunFilter {
        RunFilter::Predicate(RunPredicate::DisplayName(TextComparison::Contains("a".to_owned())))
    }

    fn not(filter: RunFilter) -> RunFilter {
        RunFilter::Not(Box::new(filter))
    }

    #[test]
    fn the_possible_statuses_are_those_that_the_filter_does_not_exclude() {
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
            (RunFilter::And(vec![name(), either]), vec!["running", "failed"]),
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
