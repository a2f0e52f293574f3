//! blockingError and the limits.

use super::*;

const WITHOUT_ERROR: [Outcome; 2] = [Outcome::Completed, Outcome::CompletedWithWarnings];
const WITH_ERROR: [Outcome; 2] = [Outcome::CompletedWithErrors, Outcome::Failed];

#[test]
fn an_error_sent_with_a_completion_is_rejected() {
    for reported in WITHOUT_ERROR {
        let patch = RunPatch {
            status: Field::Value(RunStatus::Ended(reported)),
            ..blocking_error(r#"{"code":"x"}"#)
        };
        let rule = Rule::BlockingErrorNotAllowed;
        assert_violation(&running(), &patch, rule, "blockingError");
        assert_violation(&ended(reported), &patch, rule, "blockingError");
    }
}

#[test]
fn an_error_without_a_status_on_a_completed_run_is_rejected() {
    for outcome in WITHOUT_ERROR {
        let allowed = [RunStatus::Ended(outcome)];
        let rule = ConflictRule::BlockingErrorNotAllowed;
        let patch = blocking_error(r#"{"code":"x"}"#);
        assert_conflict(&ended(outcome), &patch, rule, &allowed);
    }
}

#[test]
fn a_completion_while_an_error_is_stored_is_rejected() {
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
fn a_completion_that_clears_the_stored_error_is_accepted() {
    for reported in WITHOUT_ERROR {
        let by_null = RunPatch { blocking_error: Nullable::Null, ..outcome(reported) };
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
fn an_error_without_values_is_none() {
    for json in ["{}", r#"{"code":null}"#, r##"{"@odata.type":"#x"}"##, r#"{"innerError":{}}"#] {
        assert_unchanged(&running(), &blocking_error(json));
        assert_unchanged(&running_with_error(), &blocking_error("{}"));
        assert_unchanged(&ended(Outcome::Completed), &blocking_error(json));
    }
    let cleared = changed(&running_with_error(), &blocking_error(r#"{"code":null}"#));
    assert_eq!(cleared.run.properties.blocking_error, None);
}

#[test]
fn statistics_over_a_limit_are_rejected_after_the_merge() {
    let half = |name: &str| object(&format!(r#"{{"{name}":"{}"}}"#, "x".repeat(33_000)));
    let statistics = |value| RunPatch { statistics: Field::Value(value), ..RunPatch::default() };
    let run = changed(&running(), &statistics(half("a"))).run;
    let too_large = statistics(half("b"));
    assert_violation(&run, &too_large, Rule::StatisticsTooLarge, "statistics");
    let mut exchange = half("b");
    exchange.insert("a", flowruns_domain::json::JsonValue::Null);
    changed(&run, &statistics(exchange));

    let nested =
        |levels: usize| object(&format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels)));
    changed(&running(), &statistics(nested(16)));
    let too_deep = statistics(nested(17));
    assert_violation(&running(), &too_deep, Rule::StatisticsTooDeep, "statistics");
}

fn stored_error(run: &Run, json: &str) -> JsonObject {
    let error = changed(run, &blocking_error(json)).run.properties.blocking_error;
    error.map(|error| error.members().clone()).unwrap_or_default()
}

#[test]
fn members_of_any_name_are_kept_and_what_is_empty_is_dropped_at_every_level() {
    let sent = r#"{"code":"E","innererror":{"date":"2026-03-01","x":null},"request-id":7,"a@b.c":true,"list":[[],{},null,[{"y":null}],1],
        "details":[{"code":null},{"code":"D","n":{"m":{}}}],"innerError":{"innerError":{"code":1},"empty":[]}}"#;
    let kept = r#"{"code":"E","innererror":{"date":"2026-03-01"},"request-id":7,"a@b.c":true,"list":[null,1],
        "details":[{"code":"D"}],"innerError":{"innerError":{"code":1}}}"#;
    assert_eq!(stored_error(&running(), sent), object(kept));
}

#[test]
fn whether_a_run_has_an_error_is_judged_after_the_merge() {
    for json in
        [r#"{"details":[],"x":{"y":[{"z":null}]}}"#, r#"{"code":null,"innerError":{"code":null}}"#]
    {
        for outcome in WITHOUT_ERROR {
            let patch = RunPatch {
                status: Field::Value(RunStatus::Ended(outcome)),
                ..blocking_error(json)
            };
            assert_unchanged(&ended(outcome), &patch);
            assert_unchanged(&ended(outcome), &blocking_error(json));
        }
    }
    let run = changed(&running(), &blocking_error(r#"{"x":{"y":1}}"#)).run;
    let emptied = changed(&run, &blocking_error(r#"{"x":{"y":null}}"#)).run;
    assert_eq!(emptied.properties.blocking_error, None);
}

#[test]
fn the_longest_strings_of_an_error_over_its_limit_are_truncated_with_the_sent_length() {
    let (long, longer) = ("é\n".repeat(20_000), "\u{1f600}\"".repeat(30_000));
    let mut sent = object(r#"{"code":"E","details":[{"message":"short"}]}"#);
    sent.insert("message", long.as_str().into());
    sent.insert("stack", longer.as_str().into());
    let sent = serde_json::to_string(&sent).unwrap_or_default();
    let members = stored_error(&running(), &sent);
    let length = members.compact_length();
    assert!((65_536 - 16..=65_536).contains(&length), "{length}");
    let text = |name| match members.get(name) {
        Some(flowruns_domain::json::JsonValue::String(text)) => text.clone(),
        other => panic!("{name}: {other:?}"),
    };
    for (name, whole) in [("message", &long), ("stack", &longer)] {
        let text = text(name);
        let mark = format!("… [cut, {} bytes]", whole.len());
        let kept = text.strip_suffix(&mark).unwrap_or_else(|| panic!("{name} has no mark"));
        assert!(whole.starts_with(kept), "{name}");
    }
    assert_eq!(members.get("code"), Some(&"E".into()));
    let details = object(r#"{"details":[{"message":"short"}]}"#);
    assert_eq!(members.get("details"), details.get("details"));
}

#[test]
fn an_error_that_exceeds_its_limit_with_truncated_strings_is_rejected() {
    let numbers = vec!["12345"; 11_000].join(",");
    let many = format!(r#"{{"message":"{}","list":[{numbers}]}}"#, "x".repeat(70_000));
    let rule = Rule::BlockingErrorTooLarge;
    assert_violation(&running(), &blocking_error(&many), rule, "blockingError");
    let short_strings = format!(r#"{{"list":[{}]}}"#, vec![r#""abcd""#; 11_000].join(","));
    assert_violation(&running(), &blocking_error(&short_strings), rule, "blockingError");
}

#[test]
fn an_error_has_16_levels() {
    let nested = |levels: usize| format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
    changed(&running(), &blocking_error(&nested(16)));
    let rule = Rule::BlockingErrorTooDeep;
    assert_violation(&running(), &blocking_error(&nested(17)), rule, "blockingError");
    // Empty levels do not count: they are dropped.
    let empty = format!("{}{{}}{}", r#"{"a":"#.repeat(40), "}".repeat(40));
    assert_unchanged(&running(), &blocking_error(&empty));
}

#[test]
fn a_truncated_string_is_stored_whole_when_it_is_sent_again_and_fits() {
    let message = format!(r#"{{"message":"{}"}}"#, "x".repeat(50_000));
    let other = format!(r#"{{"other":"{}"}}"#, "y".repeat(50_000));
    let run = changed(&running(), &blocking_error(&message)).run;
    let run = changed(&run, &blocking_error(&other)).run;
    assert_unchanged(&run, &blocking_error(&other));
    assert_unchanged(&run, &blocking_error(&message));
    let run = changed(&run, &blocking_error(r#"{"other":null}"#)).run;
    let run = changed(&run, &blocking_error(&message)).run;
    let members = run.properties.blocking_error.map(|error| error.members().clone());
    assert_eq!(members, Some(object(&message)));
}
