//! How a query of runs is carried out.

use flowruns_domain::{
    query::{
        Comparison, EnumComparison, Operator, RunFilter, RunPredicate, RunQuery, RunSort,
        TextComparison,
    },
    run::RunStatus,
};
use uuid::Uuid;

/// How a query of runs is carried out. The service rejects queries that no index bounds before they come here.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum RunPlan {
    /// The filter matches no run, so nothing is read.
    Nothing,
    /// The filter requires one of these ids: the runs are found by id and sorted afterwards.
    Ids(Vec<Uuid>),
    /// Along the index that has the order of the query.
    Scan {
        /// The only status that can match, where the index begins with the status.
        status: Option<RunStatus>,
    },
}

impl RunPlan {
    pub(super) fn of(query: &RunQuery) -> Self {
        let required = query.filter.as_ref().map(RunFilter::required);
        let required = required.unwrap_or_default();
        if required.iter().any(|term| never_holds(term)) {
            return Self::Nothing;
        }
        if let Some(ids) = query.filter.as_ref().and_then(RunFilter::required_ids) {
            return Self::Ids(ids);
        }
        let status = match query.order.sort {
            RunSort::Start => only_status(&required),
            RunSort::End | RunSort::DisplayName | RunSort::Id => None,
        };
        Self::Scan { status }
    }
}

/// Whether a term holds for no run: a property that is never null is compared with nothing but null.
fn never_holds(term: &RunPredicate) -> bool {
    match term {
        RunPredicate::Id(test) => has_no_value(test),
        RunPredicate::DisplayName(TextComparison::Whole(test)) => has_no_value(test),
        RunPredicate::Start(test) => has_no_value(test),
        RunPredicate::Status(EnumComparison::Eq(status)) => status.is_none(),
        RunPredicate::Status(EnumComparison::In(statuses)) => statuses.iter().all(Option::is_none),
        RunPredicate::Status(EnumComparison::Ne(_))
        | RunPredicate::DisplayName(_)
        | RunPredicate::End(_) => false,
    }
}

fn has_no_value<V>(test: &Comparison<V>) -> bool {
    match test {
        Comparison::Compare(Operator::Ne, _) => false,
        Comparison::Compare(_, value) => value.is_none(),
        Comparison::In(values) => values.iter().all(Option::is_none),
    }
}

fn only_status(required: &[&RunPredicate]) -> Option<RunStatus> {
    required.iter().find_map(|term| match term {
        RunPredicate::Status(EnumComparison::Eq(status)) => *status,
        RunPredicate::Status(EnumComparison::In(statuses)) if statuses.len() == 1 => statuses[0],
        _ => None,
    })
}
