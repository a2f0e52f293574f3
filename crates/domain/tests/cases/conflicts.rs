//! Reports of a run that has ended, as if it had not or as if it had otherwise.

use super::*;

#[test]
fn running_on_a_run_that_has_ended_is_rejected() {
    for stored in OUTCOMES {
        let allowed = [RunStatus::Ended(stored)];
        let patch = status(RunStatus::Running);
        let rule = ConflictRule::RunAlreadyEnded;
        assert_conflict(&ended(stored), &patch, rule, &allowed);
    }
}

#[test]
fn another_terminal_status_on_a_run_that_has_ended_is_rejected() {
    for stored in OUTCOMES {
        for other in OUTCOMES.into_iter().filter(|other| *other != stored) {
            let allowed = [RunStatus::Ended(stored)];
            let rule = ConflictRule::ConflictingOutcome;
            assert_conflict(&ended(stored), &outcome(other), rule, &allowed);
        }
    }
}

#[test]
fn a_conflict_rejects_the_whole_report() {
    let run = ended(Outcome::Completed);
    let patch = RunPatch {
        statistics: Field::Value(object(r#"{"rows":2}"#)),
        display_name: Field::Value(name("Another")),
        ..outcome(Outcome::Failed)
    };
    let allowed = [RunStatus::Ended(Outcome::Completed)];
    let rule = ConflictRule::ConflictingOutcome;
    assert_conflict(&run, &patch, rule, &allowed);
}

#[test]
fn a_conflict_tells_a_person_what_to_do() {
    let run = ended(Outcome::Completed);
    let message = |patch| match decide(&run, &patch) {
        Err(rejected @ Rejection::Conflict(_)) => rejected.to_string(),
        other => panic!("no conflict: {other:?}"),
    };
    assert_eq!(
        message(outcome(Outcome::Failed)),
        "the run has already ended as completed, which is final; leave status out to add statistics"
    );
    assert_eq!(
        message(end(Nullable::Null)),
        "the run has ended as completed, which is final; leave the null endDateTime out to add statistics"
    );
    assert_eq!(
        message(status(RunStatus::Running)),
        "the run has ended as completed, which is final; leave status out to add statistics"
    );
    let with_null_end = |patch| RunPatch { end: Nullable::Null, ..patch };
    assert_eq!(
        message(with_null_end(status(RunStatus::Running))),
        "the run has ended as completed, which is final; leave status and the null endDateTime out to add statistics"
    );
    assert_eq!(
        message(with_null_end(outcome(Outcome::Failed))),
        "the run has already ended as completed, which is final; leave status and the null endDateTime out to add statistics"
    );
}
