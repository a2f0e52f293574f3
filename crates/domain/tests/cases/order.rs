//! What is wrong with the report comes before the precondition, and that before the conflict.

use super::*;

fn decide_if(run: &Run, patch: &RunPatch, if_match: &IfMatch) -> Result<Decision, PatchRejected> {
    run.decide(patch, if_match, &origin())
}

fn another_version() -> IfMatch {
    IfMatch::OneOf(vec![EntityTag::new("another")])
}

#[test]
fn a_fault_comes_before_a_failed_precondition() {
    let patch = end(Nullable::Value(time(END)));
    for if_match in [another_version(), IfMatch::Missing] {
        let decision = decide_if(&running(), &patch, &if_match);
        assert!(
            matches!(decision, Err(PatchRejected::Invalid(_))),
            "{decision:?}"
        );
    }
}

#[test]
fn a_failed_precondition_comes_before_a_conflict() {
    let (run, patch) = (ended(Outcome::Completed), outcome(Outcome::Failed));
    let failed = Err(PatchRejected::PreconditionFailed);
    assert_eq!(decide_if(&run, &patch, &another_version()), failed);
    let required = Err(PatchRejected::PreconditionRequired);
    assert_eq!(decide_if(&run, &patch, &IfMatch::Missing), required);
}

#[test]
fn a_failed_precondition_comes_before_a_report_that_changes_nothing() {
    let failed = Err(PatchRejected::PreconditionFailed);
    let decision = decide_if(&running(), &RunPatch::default(), &another_version());
    assert_eq!(decision, failed);
}

#[test]
fn a_precondition_that_holds_lets_the_conflict_through() {
    let (run, patch) = (ended(Outcome::Completed), outcome(Outcome::Failed));
    let tags = vec![EntityTag::new("another"), run.tag()];
    for if_match in [IfMatch::Any, IfMatch::OneOf(tags)] {
        let decision = decide_if(&run, &patch, &if_match);
        assert!(
            matches!(decision, Err(PatchRejected::Conflict(_))),
            "{decision:?}"
        );
    }
}

#[test]
fn a_fault_comes_before_a_conflict() {
    let patch = RunPatch {
        end: Nullable::Value(time("2026-03-01T07:00:00Z")),
        ..outcome(Outcome::Failed)
    };
    let run = ended(Outcome::Completed);
    assert_fault(&run, &patch, Rule::EndBeforeStart, "endDateTime");
}

#[test]
fn several_faults_are_all_told() {
    let patch = RunPatch {
        start: Field::Value(time(END)),
        end: Nullable::Value(time(START)),
        status: Field::Value(RunStatus::Ended(Outcome::Completed)),
        statistics: Field::Value(object(&format!(r#"{{"a":"{}"}}"#, "x".repeat(65_536)))),
        ..blocking_error(r#"{"code":"x"}"#)
    };
    let rules: Vec<Rule> = faults(&running(), &patch)
        .into_iter()
        .map(|(rule, _)| rule)
        .collect();
    let expected = [
        Rule::EndBeforeStart,
        Rule::BlockingErrorNotAllowed,
        Rule::StatisticsTooLarge,
    ];
    assert_eq!(rules, expected);
}

#[test]
fn a_deletion_checks_its_precondition() {
    let run = running();
    let failed = Err(PatchRejected::PreconditionFailed);
    assert_eq!(run.decide_deletion(&another_version(), &origin()), failed);
    let tagged = IfMatch::OneOf(vec![run.tag()]);
    let Ok(Decision::Changed(change)) = run.decide_deletion(&tagged, &origin()) else {
        panic!("the precondition holds");
    };
    assert_eq!(change.event.action, flowruns_domain::Action::Deleted);
    assert_eq!(change.event.version, run.version.next());
}
