//! Creations.

use super::*;

#[track_caller]
fn rejected(new: &NewRun) -> Vec<Rule> {
    match new.create(key(), &origin()) {
        Err(violations) => violations.into_iter().map(|violation| violation.rule).collect(),
        Ok(change) => panic!("created: {change:?}"),
    }
}

#[test]
fn a_run_created_already_ended_needs_its_end() {
    for outcome in OUTCOMES {
        let new = NewRun { status: RunStatus::Ended(outcome), ..new_run() };
        assert_eq!(rejected(&new), [Rule::EndDateTimeRequired]);
        let backfill = NewRun { end: Some(time(END)), ..new };
        let at = time(END);
        let state = stored(&backfill).properties.state;
        assert_eq!(state, RunState::Ended { outcome, at });
    }
}

#[test]
fn a_run_created_running_has_no_end() {
    let new = NewRun { end: Some(time(END)), ..new_run() };
    assert_eq!(rejected(&new), [Rule::EndDateTimeWithoutEnd]);
}

#[test]
fn a_run_is_not_created_with_an_end_before_its_start() {
    for start in [Some(time(NOW)), None] {
        let new = NewRun {
            start,
            end: Some(time(END)),
            status: RunStatus::Ended(Outcome::Failed),
            ..new_run()
        };
        assert_eq!(rejected(&new), [Rule::EndBeforeStart], "{start:?}");
    }
}

#[test]
fn a_run_starts_now_unless_it_is_said() {
    let new = NewRun { start: None, ..new_run() };
    assert_eq!(stored(&new).properties.start, time(NOW));
}

#[test]
fn a_completed_run_is_not_created_with_an_error() {
    for outcome in [Outcome::Completed, Outcome::CompletedWithWarnings] {
        let new = NewRun {
            status: RunStatus::Ended(outcome),
            end: Some(time(END)),
            blocking_error: Some(error(r#"{"code":"x"}"#)),
            ..new_run()
        };
        assert_eq!(rejected(&new), [Rule::BlockingErrorNotAllowed]);
        let empty = NewRun { blocking_error: Some(error("{}")), ..new };
        assert_eq!(stored(&empty).properties.blocking_error, None);
    }
}

#[test]
fn nulls_are_dropped_at_every_level_on_create() {
    let new = NewRun {
        statistics: object(r#"{"a":null,"b":{"c":null,"d":1},"e":[null]}"#),
        blocking_error: Some(error(r#"{"code":"x","message":null,"details":[{"code":null}]}"#)),
        ..new_run()
    };
    let properties = stored(&new).properties;
    let expected = object(r#"{"b":{"d":1},"e":[null]}"#);
    assert_eq!(properties.statistics.members(), expected);
    let members = properties.blocking_error.map(|error| error.members().clone());
    assert_eq!(members, Some(object(r#"{"code":"x"}"#)));
}

#[test]
fn a_creation_is_the_first_version_and_its_entry_shows_all_that_is_set() {
    let change = new_run().create(key(), &origin());
    let change = change.unwrap_or_else(|violations| panic!("{violations:?}"));
    assert_eq!(change.run.version.number(), 1);
    assert_eq!(change.event.action, flowruns_domain::run::Action::Created);
    let names: Vec<_> = change.event.changes.iter().map(|c| c.property.as_str()).collect();
    let expected =
        ["displayName", "startDateTime", "status", "statistics/parts", "statistics/rows"];
    assert_eq!(names, expected);
}

fn created_from(new: &NewRun) -> flowruns_domain::run::RunEvent {
    let change = new.create(key(), &origin());
    change.unwrap_or_else(|violations| panic!("{violations:?}")).event
}

#[test]
fn the_same_creation_is_recognised_by_its_entry_and_another_is_not() {
    let first = created_from(&new_run());
    let agrees = |new: NewRun| RunCreation::from(new).differing(&first).is_empty();
    assert!(agrees(new_run()));
    let any_start = NewRun { start: None, ..new_run() };
    assert!(agrees(any_start));
    let other_start = NewRun { start: Some(time(END)), ..new_run() };
    assert!(!agrees(other_start));
    let other_rows = NewRun { statistics: object(r#"{"rows":2,"parts":{"a":1}}"#), ..new_run() };
    assert!(!agrees(other_rows));
}

#[test]
fn what_a_repeated_creation_leaves_out_agrees_with_anything() {
    let message = "x".repeat(100_000);
    let first = created_from(&NewRun {
        status: RunStatus::Ended(Outcome::Failed),
        end: Some(time(END)),
        blocking_error: Some(error(&format!(r#"{{"code":"E","message":"{message}"}}"#))),
        ..new_run()
    });
    let agrees = |named: RunPatch| {
        let creation = RunCreation { new: new_run(), named };
        creation.differing(&first).is_empty()
    };
    let statistics =
        |json| RunPatch { statistics: Field::Value(object(json)), ..RunPatch::default() };
    let agreeing = [
        RunPatch::default(),
        outcome(Outcome::Failed),
        end(Nullable::Value(time(END))),
        blocking_error(r#"{"code":"E"}"#),
        blocking_error(&format!(r#"{{"message":"{message}"}}"#)),
        blocking_error(r#"{"code":"E","target":null}"#),
        statistics("{}"),
        statistics(r#"{"rows":1.0,"gone":null}"#),
        statistics(r#"{"parts":{}}"#),
    ];
    for named in agreeing {
        assert!(agrees(named.clone()), "{named:?}");
    }
    let other = [
        status(RunStatus::Running),
        outcome(Outcome::CompletedWithErrors),
        end(Nullable::Null),
        end(Nullable::Value(time(START))),
        blocking_error(r#"{"code":"F"}"#),
        blocking_error(r#"{"code":null}"#),
        blocking_error(&format!(r#"{{"message":"{message}y"}}"#)),
        RunPatch { blocking_error: Nullable::Null, ..RunPatch::default() },
        statistics(r#"{"rows":2}"#),
        statistics(r#"{"rows":null}"#),
        statistics(r#"{"more":1}"#),
        statistics(r#"{"parts":{"b":1}}"#),
    ];
    for named in other {
        assert!(!agrees(named.clone()), "{named:?}");
    }
}
