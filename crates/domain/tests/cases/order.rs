//! The order of rejections: violations of the report by itself, the precondition, violations on the stored run, the conflict.

use super::*;

fn decide_if(run: &Run, patch: &RunPatch, if_match: &IfMatch) -> Result<Decision, Rejection> {
    run.decide(patch, if_match, &origin())
}

fn another_version() -> IfMatch {
    IfMatch::OneOf(vec![EntityTag::new("another")])
}

#[test]
fn a_violation_comes_before_a_failed_precondition() {
    let patch = RunPatch { start: Field::Value(time(END)), ..end(Nullable::Value(time(START))) };
    for if_match in [another_version(), IfMatch::AbsentButRequired] {
        let decision = decide_if(&running(), &patch, &if_match);
        assert!(matches!(decision, Err(Rejection::Invalid(_))), "{decision:?}");
    }
}

#[test]
fn a_failed_precondition_comes_before_what_is_wrong_on_the_stored_run() {
    let too_large = RunPatch {
        statistics: Field::Value(object(&format!(r#"{{"a":"{}"}}"#, "x".repeat(65_536)))),
        ..RunPatch::default()
    };
    for patch in [end(Nullable::Value(time(END))), too_large] {
        let failed = Err(Rejection::PreconditionFailed);
        let decision = decide_if(&running(), &patch, &another_version());
        assert_eq!(decision, failed);
        let required = Err(Rejection::PreconditionRequired);
        assert_eq!(decide_if(&running(), &patch, &IfMatch::AbsentButRequired), required);
    }
}

#[test]
fn a_version_that_if_none_match_names_is_not_changed() {
    let (run, patch) = (running(), outcome(Outcome::Failed));
    let another = || EntityTag::new("another");
    let tags = |tags| IfNoneMatch::OneOf(tags);
    let cases = [
        (IfNoneMatch::Absent, true),
        (tags(vec![another()]), true),
        (tags(vec![another(), run.tag()]), false),
        (IfNoneMatch::Any, false),
    ];
    for (if_none_match, is_accepted) in cases {
        let both = Preconditions { if_match: IfMatch::Any, if_none_match: if_none_match.clone() };
        let expected = |decision: Result<Decision, Rejection>| match is_accepted {
            true => assert!(decision.is_ok(), "{if_none_match:?}"),
            false => assert_eq!(decision, Err(Rejection::VersionExcluded)),
        };
        expected(run.decide(&patch, &both, &origin()));
        expected(run.decide_deletion(&both, &origin()));
        let missing = Preconditions { if_match: IfMatch::AbsentButRequired, ..both };
        let required = Err(Rejection::PreconditionRequired);
        assert_eq!(run.decide(&patch, &missing, &origin()), required);
    }
}

#[test]
fn a_failed_precondition_comes_before_a_conflict() {
    let (run, patch) = (ended(Outcome::Completed), outcome(Outcome::Failed));
    let failed = Err(Rejection::PreconditionFailed);
    assert_eq!(decide_if(&run, &patch, &another_version()), failed);
    let required = Err(Rejection::PreconditionRequired);
    assert_eq!(decide_if(&run, &patch, &IfMatch::AbsentButRequired), required);
}

#[test]
fn a_failed_precondition_comes_before_a_report_that_changes_nothing() {
    let failed = Err(Rejection::PreconditionFailed);
    let decision = decide_if(&running(), &RunPatch::default(), &another_version());
    assert_eq!(decision, failed);
}

#[test]
fn a_precondition_that_holds_lets_the_conflict_through() {
    let (run, patch) = (ended(Outcome::Completed), outcome(Outcome::Failed));
    let tags = vec![EntityTag::new("another"), run.tag()];
    for if_match in [IfMatch::Any, IfMatch::OneOf(tags)] {
        let decision = decide_if(&run, &patch, &if_match);
        assert!(matches!(decision, Err(Rejection::Conflict(_))), "{decision:?}");
    }
}

#[test]
fn a_violation_comes_before_a_conflict() {
    let patch =
        RunPatch { end: Nullable::Value(time("2026-03-01T07:00:00Z")), ..outcome(Outcome::Failed) };
    let run = ended(Outcome::Completed);
    assert_violation(&run, &patch, Rule::EndBeforeStart, "endDateTime");
}

#[test]
fn all_violations_of_a_step_are_reported() {
    let rules = |patch: &RunPatch| -> Vec<Rule> {
        let violations = violations(&running(), patch);
        violations.into_iter().map(|(rule, _)| rule).collect()
    };
    let too_large = || Field::Value(object(&format!(r#"{{"a":"{}"}}"#, "x".repeat(65_536))));
    let alone = RunPatch {
        start: Field::Value(time(END)),
        end: Nullable::Value(time(START)),
        status: Field::Value(RunStatus::Ended(Outcome::Completed)),
        statistics: too_large(),
        ..blocking_error(r#"{"code":"x"}"#)
    };
    let expected = [Rule::EndBeforeStart, Rule::BlockingErrorNotAllowed];
    assert_eq!(rules(&alone), expected);
    let on_the_stored_run = RunPatch {
        end: Nullable::Value(time("2026-03-01T07:00:00Z")),
        statistics: too_large(),
        ..blocking_error(&nested(17))
    };
    let expected = [
        Rule::EndDateTimeWithoutEnd,
        Rule::EndBeforeStart,
        Rule::BlockingErrorTooDeep,
        Rule::StatisticsTooLarge,
    ];
    assert_eq!(rules(&on_the_stored_run), expected);
}

fn nested(levels: usize) -> String {
    format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels))
}

#[test]
fn all_violations_of_a_creation_are_reported_in_the_order_of_the_properties() {
    let new = NewRun {
        status: RunStatus::Ended(Outcome::Completed),
        blocking_error: Some(error(&nested(17))),
        statistics: object(&format!(r#"{{"a":"{}"}}"#, "x".repeat(65_536))),
        ..new_run()
    };
    let violations = new.create(key(), &origin()).map_err(|violations| {
        let rules = violations.into_iter().map(|violation| violation.rule);
        rules.collect::<Vec<_>>()
    });
    let expected = vec![
        Rule::EndDateTimeRequired,
        Rule::BlockingErrorNotAllowed,
        Rule::BlockingErrorTooDeep,
        Rule::StatisticsTooLarge,
    ];
    assert_eq!(violations, Err(expected));
}

#[test]
fn a_deletion_checks_its_precondition() {
    let run = running();
    let failed = Err(Rejection::PreconditionFailed);
    assert_eq!(run.decide_deletion(&another_version(), &origin()), failed);
    let tagged = IfMatch::OneOf(vec![run.tag()]);
    let Ok(Decision::Changed(change)) = run.decide_deletion(&tagged, &origin()) else {
        panic!("the precondition holds");
    };
    assert_eq!(change.event.action, flowruns_domain::run::Action::Deleted);
    assert_eq!(change.event.version, run.version.next());
}
