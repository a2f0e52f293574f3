//! Which queries of runs are offered, and how a store carries them out.

use thiserror::Error;
use uuid::Uuid;

use super::{
    filter::{FlowFilter, FlowTerm, Operator, RunFilter, RunTerm, Test, TextTest},
    order::RunSort,
    request::{FlowQuery, RunQuery, RunScope},
};
use crate::status::RunStatus;

/// The largest number of values in the lists of one filter, such as the ids of `id in (…)`.
pub const MAX_LISTED_VALUES: usize = 1000;

/// How a query of runs is carried out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RunPlan {
    /// The filter matches no run, so nothing is read.
    Nothing,
    /// The filter requires one of these ids: the runs are found by id, and put in order afterwards.
    Ids(Vec<Uuid>),
    /// Along the index that has the order of the query.
    Walk {
        /// The only status that can match, where the index begins with it.
        status: Option<RunStatus>,
    },
}

/// A query that no index bounds. The text names one that works.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum NotOffered {
    /// An order that is available within a flow only.
    #[error(
        "runs of all flows are ordered by startDateTime only; use $orderby=startDateTime desc, or the list of one flow: \
         /industryData/incomingFlows/{{id}}/runs"
    )]
    OrderAcrossFlows,
    /// A filter that is available within a flow only.
    #[error(
        "runs of all flows are filtered by status and startDateTime, such as $filter=status eq 'failed' and startDateTime ge \
         2026-03-01T00:00:00Z, or by id eq and id in; for other filters use the list of one flow: \
         /industryData/incomingFlows/{{id}}/runs"
    )]
    FilterAcrossFlows,
}

/// How a query is carried out, if it is offered.
///
/// # Errors
///
/// [`NotOffered`] where no index bounds the work.
pub fn offered(query: &RunQuery) -> Result<RunPlan, NotOffered> {
    let required = query.filter.as_ref().map(RunFilter::required);
    let required = required.unwrap_or_default();
    let ids = required.iter().find_map(|term| listed_ids(term));
    if matches!(query.scope, RunScope::Tenant(_)) {
        if query.order.sort != RunSort::Start {
            return Err(NotOffered::OrderAcrossFlows);
        }
        let terms = query.filter.iter().flat_map(RunFilter::terms);
        let is_indexed = |term: &RunTerm| matches!(term, RunTerm::Status(_) | RunTerm::Start(_));
        if ids.is_none() && !terms.into_iter().all(is_indexed) {
            return Err(NotOffered::FilterAcrossFlows);
        }
    }
    if required.iter().any(|term| never_holds(term)) {
        return Ok(RunPlan::Nothing);
    }
    if let Some(ids) = ids {
        return Ok(RunPlan::Ids(ids));
    }
    let status = match query.order.sort {
        RunSort::Start => only_status(&required),
        RunSort::End | RunSort::DisplayName | RunSort::Id => None,
    };
    Ok(RunPlan::Walk { status })
}

/// The ids of which a flow must have one to match, in order and without repetitions; `None` where the filter lists none.
pub fn listed_flow_ids(query: &FlowQuery) -> Option<Vec<Uuid>> {
    let required = query.filter.as_ref().map(FlowFilter::required);
    required?.into_iter().find_map(|term| match term {
        FlowTerm::Id(test) => ids_of(test),
        FlowTerm::DisplayName(_) | FlowTerm::ReadinessStatus(_) => None,
    })
}

/// The statuses that a matching run can have, whatever its other properties are.
pub fn possible_statuses(filter: &RunFilter) -> Vec<RunStatus> {
    let is_possible = |status: &RunStatus| outcome(filter, *status) != Some(false);
    RunStatus::ALL.into_iter().filter(is_possible).collect()
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

/// The ids of which a run must have one, in order and without repetitions.
fn listed_ids(term: &RunTerm) -> Option<Vec<Uuid>> {
    match term {
        RunTerm::Id(test) => ids_of(test),
        _ => None,
    }
}

fn ids_of(test: &Test<Uuid>) -> Option<Vec<Uuid>> {
    let mut ids: Vec<Uuid> = match test {
        Test::Compare(Operator::Eq, id) => id.iter().copied().collect(),
        Test::In(ids) => ids.iter().flatten().copied().collect(),
        Test::Compare(..) => return None,
    };
    ids.sort_unstable();
    ids.dedup();
    Some(ids)
}

/// Whether a term holds for no run: a property that is never null is compared with nothing but null.
fn never_holds(term: &RunTerm) -> bool {
    match term {
        RunTerm::Id(test) => has_no_value(test),
        RunTerm::DisplayName(TextTest::Plain(test)) => has_no_value(test),
        RunTerm::Start(test) => has_no_value(test),
        RunTerm::Status(test) => has_no_value(test),
        RunTerm::DisplayName(_) | RunTerm::End(_) => false,
    }
}

fn has_no_value<V>(test: &Test<V>) -> bool {
    match test {
        Test::Compare(Operator::Ne, _) => false,
        Test::Compare(_, value) => value.is_none(),
        Test::In(values) => values.iter().all(Option::is_none),
    }
}

fn only_status(required: &[&RunTerm]) -> Option<RunStatus> {
    required.iter().find_map(|term| match term {
        RunTerm::Status(Test::Compare(Operator::Eq, status)) => *status,
        RunTerm::Status(Test::In(statuses)) if statuses.len() == 1 => statuses[0],
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(name: &str) -> RunFilter {
        let test = Test::Compare(Operator::Eq, RunStatus::from_name(name));
        RunFilter::Is(RunTerm::Status(test))
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
            let possible = possible_statuses(&filter);
            let mut names: Vec<&str> = possible.iter().map(|status| status.as_str()).collect();
            let mut expected = expected;
            names.sort_unstable();
            expected.sort_unstable();
            assert_eq!(names, expected, "{filter:?}");
        }
        let all = RunStatus::ALL.len();
        for filter in [name(), RunFilter::Or(vec![status("failed"), name()])] {
            assert_eq!(possible_statuses(&filter).len(), all, "{filter:?}");
            assert_eq!(possible_statuses(&not(name())).len(), all);
        }
    }
}
