//! How a query of runs is carried out.

use flowruns_domain::{
    EnumTest, Operator, RunFilter, RunQuery, RunSort, RunStatus, RunTerm, Test, TextTest,
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
fn never_holds(term: &RunTerm) -> bool {
    match term {
        RunTerm::Id(test) => has_no_value(test),
        RunTerm::DisplayName(TextTest::Plain(test)) => has_no_value(test),
        RunTerm::Start(test) => has_no_value(test),
        RunTerm::Status(EnumTest::Eq(status)) => status.is_none(),
        RunTerm::Status(EnumTest::In(statuses)) => statuses.iter().all(Option::is_none),
        RunTerm::Status(EnumTest::Ne(_)) | RunTerm::DisplayName(_) | RunTerm::End(_) => false,
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
        RunTerm::Status(EnumTest::Eq(status)) => *status,
        RunTerm::Status(EnumTest::In(statuses)) if statuses.len() == 1 => statuses[0],
        _ => None,
    })
}
