//! Filters of runs.

use flowruns_domain::{
    query::{
        Comparison, EnumComparison, Filter, Operator, RunFilter, RunPredicate, TextComparison,
    },
    run::{Outcome, RunStatus},
};

use crate::{fixtures::time, ids::numbered};

pub(super) fn is(term: RunPredicate) -> RunFilter {
    Filter::Predicate(term)
}

fn not(filter: RunFilter) -> RunFilter {
    Filter::Not(Box::new(filter))
}

/// Each operator on each property, null, and combinations.
pub(super) fn filters() -> Vec<RunFilter> {
    let failed = RunStatus::Ended(Outcome::Failed);
    let status = |status| is(RunPredicate::Status(EnumComparison::Eq(Some(status))));
    let mut filters = Vec::new();
    for operator in Operator::ALL {
        let at = |text: &str| Comparison::Compare(operator, Some(time(text)));
        filters.extend([
            is(RunPredicate::Start(at("2026-03-01T08:01:00Z"))),
            is(RunPredicate::End(at("2026-03-01T09:02:00Z"))),
            is(RunPredicate::End(Comparison::Compare(operator, None))),
            is(RunPredicate::Start(Comparison::Compare(operator, None))),
            is(RunPredicate::Id(Comparison::Compare(operator, Some(numbered(7))))),
        ]);
        let text = Comparison::Compare(operator, Some("ab".to_owned()));
        filters.push(is(RunPredicate::DisplayName(TextComparison::Whole(text))));
    }
    let inverted: Vec<RunFilter> = filters.iter().cloned().map(not).collect();
    filters.extend(inverted);
    filters.extend(["a", "A", "\u{e4}", "%", "'", "_", "", "b"].into_iter().flat_map(|part| {
        let part = part.to_owned();
        [
            is(RunPredicate::DisplayName(TextComparison::StartsWith(part.clone()))),
            is(RunPredicate::DisplayName(TextComparison::EndsWith(part.clone()))),
            is(RunPredicate::DisplayName(TextComparison::Contains(part))),
        ]
    }));
    let some = EnumComparison::In(vec![Some(RunStatus::Running), Some(failed)]);
    filters.extend([
        status(failed),
        not(status(failed)),
        is(RunPredicate::Status(EnumComparison::Ne(Some(failed)))),
        is(RunPredicate::Status(some.clone())),
        is(RunPredicate::Status(EnumComparison::In(vec![Some(failed)]))),
        is(RunPredicate::Status(EnumComparison::In(Vec::new()))),
        // The status is never null.
        is(RunPredicate::Status(EnumComparison::Eq(None))),
        is(RunPredicate::Status(EnumComparison::Ne(None))),
        is(RunPredicate::Id(Comparison::In(vec![
            Some(numbered(9)),
            Some(numbered(4)),
            Some(numbered(9)),
            None,
        ]))),
        Filter::And(vec![
            is(RunPredicate::Id(Comparison::In(vec![Some(numbered(9)), Some(numbered(6))]))),
            status(failed),
        ]),
        is(RunPredicate::End(Comparison::In(vec![None, Some(time("2026-03-01T09:02:00Z"))]))),
        Filter::Or(vec![status(failed), not(is(RunPredicate::Status(some)))]),
        Filter::And(vec![
            status(failed),
            is(RunPredicate::Start(Comparison::Compare(
                Operator::Ge,
                Some(time("2026-03-01T08:01:00Z")),
            ))),
            is(RunPredicate::DisplayName(TextComparison::StartsWith("a".to_owned()))),
        ]),
        Filter::And(vec![status(failed), status(RunStatus::Running)]),
    ]);
    filters
}
