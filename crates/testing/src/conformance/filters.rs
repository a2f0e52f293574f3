//! Filters of runs.

use flowruns_domain::{
    Condition, EnumTest, Operator, Outcome, RunFilter, RunStatus, RunTerm, Test, TextTest,
};

use crate::{fixtures::time, ids::numbered};

pub(super) fn is(term: RunTerm) -> RunFilter {
    Condition::Is(term)
}

fn not(filter: RunFilter) -> RunFilter {
    Condition::Not(Box::new(filter))
}

/// Each operator on each property, null, and combinations.
pub(super) fn filters() -> Vec<RunFilter> {
    let failed = RunStatus::Ended(Outcome::Failed);
    let status = |status| is(RunTerm::Status(EnumTest::Eq(Some(status))));
    let mut filters = Vec::new();
    for operator in Operator::ALL {
        let at = |text: &str| Test::Compare(operator, Some(time(text)));
        filters.extend([
            is(RunTerm::Start(at("2026-03-01T08:01:00Z"))),
            is(RunTerm::End(at("2026-03-01T09:02:00Z"))),
            is(RunTerm::End(Test::Compare(operator, None))),
            is(RunTerm::Start(Test::Compare(operator, None))),
            is(RunTerm::Id(Test::Compare(operator, Some(numbered(7))))),
        ]);
        let text = Test::Compare(operator, Some("ab".to_owned()));
        filters.push(is(RunTerm::DisplayName(TextTest::Plain(text))));
    }
    let inverted: Vec<RunFilter> = filters.iter().cloned().map(not).collect();
    filters.extend(inverted);
    filters.extend(
        ["a", "A", "\u{e4}", "%", "'", "_", "", "b"]
            .into_iter()
            .flat_map(|part| {
                let part = part.to_owned();
                [
                    is(RunTerm::DisplayName(TextTest::StartsWith(part.clone()))),
                    is(RunTerm::DisplayName(TextTest::EndsWith(part.clone()))),
                    is(RunTerm::DisplayName(TextTest::Contains(part))),
                ]
            }),
    );
    let some = EnumTest::In(vec![Some(RunStatus::Running), Some(failed)]);
    filters.extend([
        status(failed),
        not(status(failed)),
        is(RunTerm::Status(EnumTest::Ne(Some(failed)))),
        is(RunTerm::Status(some.clone())),
        is(RunTerm::Status(EnumTest::In(vec![Some(failed)]))),
        is(RunTerm::Status(EnumTest::In(Vec::new()))),
        // The status is never null.
        is(RunTerm::Status(EnumTest::Eq(None))),
        is(RunTerm::Status(EnumTest::Ne(None))),
        is(RunTerm::Id(Test::In(vec![
            Some(numbered(9)),
            Some(numbered(4)),
            Some(numbered(9)),
            None,
        ]))),
        Condition::And(vec![
            is(RunTerm::Id(Test::In(vec![
                Some(numbered(9)),
                Some(numbered(6)),
            ]))),
            status(failed),
        ]),
        is(RunTerm::End(Test::In(vec![
            None,
            Some(time("2026-03-01T09:02:00Z")),
        ]))),
        Condition::Or(vec![status(failed), not(is(RunTerm::Status(some)))]),
        Condition::And(vec![
            status(failed),
            is(RunTerm::Start(Test::Compare(
                Operator::Ge,
                Some(time("2026-03-01T08:01:00Z")),
            ))),
            is(RunTerm::DisplayName(TextTest::StartsWith("a".to_owned()))),
        ]),
        Condition::And(vec![status(failed), status(RunStatus::Running)]),
    ]);
    filters
}
