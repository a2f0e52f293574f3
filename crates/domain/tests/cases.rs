//! Each rule of reports and creations: what a report does to a stored run, and the code of each rejection.

use std::collections::HashSet;

use flowruns_domain::{
    display_name::DisplayName,
    id::{EventId, FlowKey, RunKey},
    json::{JsonObject, parse_object},
    patch::{Field, Nullable},
    rejection::{ConflictRule, Rejection},
    run::{
        Decision, NewRun, Outcome, PublicErrorPatch, ReportOrigin, Run, RunChange, RunCreation,
        RunPatch, RunState, RunStatus, Transition, TransitionError,
    },
    timestamp::Timestamp,
    version::{EntityTag, IfMatch, IfNoneMatch, Preconditions},
    violation::Rule,
};
use flowruns_testing::transitions::{ExpectedTransition, TRANSITIONS};
use uuid::Uuid;

#[path = "cases/conflicts.rs"]
mod conflicts;
#[path = "cases/creations.rs"]
mod creations;
#[path = "cases/ends.rs"]
mod ends;
#[path = "cases/errors.rs"]
mod errors;
#[path = "cases/order.rs"]
mod order;

const START: &str = "2026-03-01T08:00:00Z";
const END: &str = "2026-03-01T08:30:00Z";
const NOW: &str = "2026-03-01T09:00:00Z";

const OUTCOMES: [Outcome; 4] = [
    Outcome::Completed,
    Outcome::CompletedWithWarnings,
    Outcome::CompletedWithErrors,
    Outcome::Failed,
];

fn time(text: &str) -> Timestamp {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn object(json: &str) -> JsonObject {
    parse_object(json.as_bytes()).unwrap_or_else(|error| panic!("{json}: {error}"))
}

fn error(json: &str) -> PublicErrorPatch {
    PublicErrorPatch::new(object(json))
        .unwrap_or_else(|violations| panic!("{json}: {violations:?}"))
}

fn name(text: &str) -> DisplayName {
    DisplayName::new(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn key() -> RunKey {
    let text = |number: u128| Uuid::from_u128(number).to_string();
    let id = |number| text(number).parse().unwrap_or_else(|_| panic!("{number} is no id"));
    let run = text(3).parse().unwrap_or_else(|_| panic!("3 is no id"));
    let tenant = text(1).parse().unwrap_or_else(|_| panic!("1 is no id"));
    FlowKey { tenant, flow: id(2) }.run(run)
}

fn origin() -> ReportOrigin {
    ReportOrigin {
        event: EventId::new(Uuid::from_u128(4)).unwrap_or_else(|error| panic!("{error}")),
        actor: "nightly".to_owned(),
        request: Uuid::from_u128(5),
        received: time(NOW),
    }
}

fn new_run() -> NewRun {
    NewRun {
        display_name: name("Nightly rosters"),
        start: Some(time(START)),
        end: None,
        status: RunStatus::Running,
        blocking_error: None,
        statistics: object(r#"{"rows":1,"parts":{"a":1}}"#),
    }
}

fn stored(new: &NewRun) -> Run {
    let created = new.create(key(), &origin());
    created.unwrap_or_else(|violations| panic!("{violations:?}")).run
}

fn running() -> Run {
    stored(&new_run())
}

fn running_with_error() -> Run {
    stored(&NewRun { blocking_error: Some(error(r#"{"code":"disk"}"#)), ..new_run() })
}

fn ended(outcome: Outcome) -> Run {
    stored(&NewRun { status: RunStatus::Ended(outcome), end: Some(time(END)), ..new_run() })
}

fn status(status: RunStatus) -> RunPatch {
    RunPatch { status: Field::Value(status), ..RunPatch::default() }
}

fn outcome(outcome: Outcome) -> RunPatch {
    status(RunStatus::Ended(outcome))
}

fn end(end: Nullable<Timestamp>) -> RunPatch {
    RunPatch { end, ..RunPatch::default() }
}

fn blocking_error(json: &str) -> RunPatch {
    RunPatch { blocking_error: Nullable::Value(error(json)), ..RunPatch::default() }
}

fn decide(run: &Run, patch: &RunPatch) -> Result<Decision, Rejection> {
    run.decide(patch, &IfMatch::Absent, &origin())
}

#[track_caller]
fn changed(run: &Run, patch: &RunPatch) -> RunChange {
    match decide(run, patch) {
        Ok(Decision::Changed(change)) => *change,
        other => panic!("no change: {other:?}"),
    }
}

#[track_caller]
fn assert_unchanged(run: &Run, patch: &RunPatch) {
    assert_eq!(decide(run, patch), Ok(Decision::Unchanged));
}

/// The rules of a report that is wrong, with the properties that break them.
#[track_caller]
fn violations(run: &Run, patch: &RunPatch) -> Vec<(Rule, String)> {
    match decide(run, patch) {
        Err(Rejection::Invalid(violations)) => {
            violations.into_iter().map(|violation| (violation.rule, violation.target)).collect()
        }
        other => panic!("not invalid: {other:?}"),
    }
}

#[track_caller]
fn assert_violation(run: &Run, patch: &RunPatch, rule: Rule, target: &str) {
    assert_eq!(violations(run, patch), [(rule, target.to_owned())]);
}

#[track_caller]
fn assert_conflict(run: &Run, patch: &RunPatch, rule: ConflictRule, allowed: &[RunStatus]) {
    let Err(Rejection::Conflict(conflict)) = decide(run, patch) else {
        panic!("no conflict: {:?}", decide(run, patch));
    };
    let properties = &run.properties;
    let reached = properties.state.end().unwrap_or(properties.start);
    assert_eq!(conflict.rule, rule);
    assert_eq!(conflict.stored, properties.state.status());
    assert_eq!(conflict.reached, reached);
    assert_eq!(conflict.allowed, allowed);
}

#[test]
fn the_codes_are_those_of_the_contract() {
    let conflicts = [
        (ConflictRule::RunAlreadyEnded, "runAlreadyEnded"),
        (ConflictRule::ConflictingOutcome, "conflictingOutcome"),
        (ConflictRule::BlockingErrorNotAllowed, "blockingErrorNotAllowed"),
        (ConflictRule::BlockingErrorStored, "blockingErrorStored"),
    ];
    for (rule, code) in conflicts {
        assert_eq!(rule.code(), code);
    }
    let violations = [
        (Rule::EndDateTimeWithoutEnd, "endDateTimeWithoutEnd"),
        (Rule::EndBeforeStart, "endBeforeStart"),
        (Rule::BlockingErrorNotAllowed, "blockingErrorNotAllowed"),
        (Rule::InvalidEnumValue, "invalidEnumValue"),
        (Rule::EndDateTimeRequired, "endDateTimeRequired"),
        (Rule::NullNotAllowed, "nullNotAllowed"),
        (Rule::PropertyNotUpdateable, "propertyNotUpdateable"),
        (Rule::UnknownProperty, "unknownProperty"),
    ];
    for (rule, code) in violations {
        assert_eq!(rule.code(), code);
    }
}

#[test]
fn an_empty_report_changes_no_run() {
    assert_unchanged(&running(), &RunPatch::default());
    for outcome in OUTCOMES {
        assert_unchanged(&ended(outcome), &RunPatch::default());
    }
}

#[test]
fn every_pair_of_statuses_is_decided_by_the_transition_table() {
    let status_of = |name| RunStatus::from_name(name).unwrap();
    let pairs = TRANSITIONS.map(|(stored, reported, _)| (stored, reported));
    assert_eq!(HashSet::from(pairs).len(), RunStatus::ALL.len().pow(2));
    for (stored, reported, expected) in TRANSITIONS {
        let (from, to) = (status_of(stored), status_of(reported));
        let run = match from {
            RunStatus::Running => running(),
            RunStatus::Ended(outcome) => ended(outcome),
        };
        let (transition, decision) = (from.report(to), decide(&run, &status(to)));
        match expected {
            ExpectedTransition::None => {
                assert_eq!(transition, Ok(Transition::None));
                assert_eq!(decision, Ok(Decision::Unchanged), "{stored} {reported}");
            }
            ExpectedTransition::End => {
                let RunStatus::Ended(outcome) = to else { panic!("{to:?} is no end") };
                assert_eq!(transition, Ok(Transition::End(outcome)));
                let state = changed(&run, &status(to)).run.properties.state;
                assert_eq!(state.status(), to);
            }
            ExpectedTransition::Rejected(code) => {
                assert_eq!(transition, Err(TransitionError { from, to }));
                let Err(Rejection::Conflict(conflict)) = decision else { panic!("{decision:?}") };
                assert_eq!(conflict.rule.code(), code, "{stored} {reported}");
            }
        }
    }
}

#[test]
fn running_reported_again_merges_the_other_properties() {
    let patch = RunPatch {
        statistics: Field::Value(object(r#"{"rows":2,"parts":{"b":1,"a":null}}"#)),
        ..status(RunStatus::Running)
    };
    let run = changed(&running(), &patch).run;
    assert_eq!(run.properties.state, RunState::Running);
    let expected = object(r#"{"rows":2,"parts":{"b":1}}"#);
    assert_eq!(run.properties.statistics.members(), expected);
}

#[test]
fn the_stored_terminal_status_reported_again_merges_the_other_properties() {
    for stored in OUTCOMES {
        let patch = RunPatch {
            statistics: Field::Value(object(r#"{"late":true}"#)),
            display_name: Field::Value(name("Late")),
            ..outcome(stored)
        };
        let run = ended(stored);
        let later = changed(&run, &patch).run;
        assert_eq!(later.properties.state, run.properties.state);
        assert_eq!(later.properties.display_name, name("Late"));
        let expected = object(r#"{"rows":1,"parts":{"a":1},"late":true}"#);
        assert_eq!(later.properties.statistics.members(), expected);
    }
}

#[test]
fn a_tag_is_of_one_version() {
    let run = running();
    let next = changed(&run, &outcome(Outcome::Failed)).run;
    assert_ne!(run.tag(), next.tag());
    assert_ne!(run.tag(), EntityTag::new(""));
}
