//! blockingError and the limits.

use super::*;

const WITHOUT_ERROR: [Outcome; 2] = [Outcome::Completed, Outcome::CompletedWithWarnings];
const WITH_ERROR: [Outcome; 2] = [Outcome::CompletedWithErrors, Outcome::Failed];

#[test]
fn an_error_sent_beside_a_completion_is_refused() {
    for reported in WITHOUT_ERROR {
        let patch = RunPatch {
            status: Field::Value(RunStatus::Ended(reported)),
            ..blocking_error(r#"{"code":"x"}"#)
        };
        let rule = Rule::BlockingErrorNotAllowed;
        assert_fault(&running(), &patch, rule, "blockingError");
        assert_fault(&ended(reported), &patch, rule, "blockingError");
    }
}

#[test]
fn an_error_without_a_status_on_a_completed_run_is_refused() {
    for outcome in WITHOUT_ERROR {
        let allowed = [RunStatus::Ended(outcome)];
        let rule = ConflictRule::BlockingErrorNotAllowed;
        let patch = blocking_error(r#"{"code":"x"}"#);
        assert_conflict(&ended(outcome), &patch, rule, &allowed);
    }
}

#[test]
fn a_completion_while_an_error_is_stored_is_refused() {
    let allowed = [
        RunStatus::Running,
        RunStatus::Ended(Outcome::Failed),
        RunStatus::Ended(Outcome::CompletedWithErrors),
    ];
    for reported in WITHOUT_ERROR {
        let rule = ConflictRule::BlockingErrorStored;
        assert_conflict(&running_with_error(), &outcome(reported), rule, &allowed);
    }
}

#[test]
fn a_completion_that_clears_the_stored_error_is_taken() {
    for reported in WITHOUT_ERROR {
        let by_null = RunPatch {
            blocking_error: Nullable::Null,
            ..outcome(reported)
        };
        let by_member = RunPatch {
            status: Field::Value(RunStatus::Ended(reported)),
            ..blocking_error(r#"{"code":null}"#)
        };
        for patch in [by_null, by_member] {
            let run = changed(&running_with_error(), &patch).run;
            assert_eq!(run.properties.blocking_error, None);
            assert_eq!(run.properties.state.status(), RunStatus::Ended(reported));
        }
    }
}

#[test]
fn a_run_may_end_with_its_error_when_the_outcome_has_one() {
    for reported in WITH_ERROR {
        let run = changed(&running_with_error(), &outcome(reported)).run;
        assert!(run.properties.blocking_error.is_some());
        let late = changed(&ended(reported), &blocking_error(r#"{"code":"late"}"#));
        assert!(late.run.properties.blocking_error.is_some());
    }
}

#[test]
fn an_error_that_says_nothing_is_none() {
    for json in [
        "{}",
        r#"{"code":null}"#,
        r##"{"@odata.type":"#x"}"##,
        r#"{"innerError":{}}"#,
    ] {
        assert_unchanged(&running(), &blocking_error(json));
        assert_unchanged(&running_with_error(), &blocking_error("{}"));
        assert_unchanged(&ended(Outcome::Completed), &blocking_error(json));
    }
    let cleared = changed(&running_with_error(), &blocking_error(r#"{"code":null}"#));
    assert_eq!(cleared.run.properties.blocking_error, None);
}

#[test]
fn statistics_over_a_limit_are_refused_after_the_merge() {
    let half = |name: &str| object(&format!(r#"{{"{name}":"{}"}}"#, "x".repeat(33_000)));
    let statistics = |value| RunPatch {
        statistics: Field::Value(value),
        ..RunPatch::default()
    };
    let run = changed(&running(), &statistics(half("a"))).run;
    let too_large = statistics(half("b"));
    assert_fault(&run, &too_large, Rule::StatisticsTooLarge, "statistics");
    let mut exchange = half("b");
    exchange.insert("a", flowruns_domain::json::JsonValue::Null);
    changed(&run, &statistics(exchange));

    let nested = |levels: usize| {
        object(&format!(
            "{}1{}",
            r#"{"a":"#.repeat(levels),
            "}".repeat(levels)
        ))
    };
    changed(&running(), &statistics(nested(16)));
    let too_deep = statistics(nested(17));
    assert_fault(&running(), &too_deep, Rule::StatisticsTooDeep, "statistics");
}

#[test]
fn an_error_over_its_limit_is_refused() {
    let message = format!(r#"{{"message":"{}"}}"#, "x".repeat(65_536));
    let patch = blocking_error(&message);
    let rule = Rule::BlockingErrorTooLarge;
    assert_fault(&running(), &patch, rule, "blockingError");
}
