//! Properties of `Run::decide` that hold for every run and every report.

use std::collections::BTreeMap;

use flowruns_domain::{
    json::{JsonObject, JsonValue},
    patch::{Field, Nullable},
    rejection::Rejection,
    run::{
        Decision, Outcome, ReportOrigin, Run, RunPatch, RunProperties, RunState, RunStatus,
        Statistics,
    },
    version::IfMatch,
};
use proptest::prelude::*;

use self::strategy::{changed, objects, origins, patches, runs};

#[path = "decide/strategy.rs"]
mod strategy;

/// The run after the report; `None` if the report is rejected.
fn after(run: &Run, patch: &RunPatch, origin: &ReportOrigin) -> Option<Run> {
    match run.decide(patch, &IfMatch::Absent, origin) {
        Ok(Decision::Changed(change)) => Some(change.run),
        Ok(Decision::Unchanged) => Some(run.clone()),
        Err(_) => None,
    }
}

/// The properties of a run as in the history, without those that are null.
fn shown(properties: &RunProperties) -> BTreeMap<String, JsonValue> {
    let error = properties.blocking_error.as_ref();
    let end = properties.state.end();
    let named = [
        ("displayName", Some(properties.display_name.as_str().into())),
        ("startDateTime", Some(properties.start.to_string().as_str().into())),
        ("endDateTime", end.map(|end| end.to_string().as_str().into())),
        ("status", Some(properties.state.status().as_str().into())),
        ("blockingError", error.map(|error| JsonValue::Object(error.members().clone()))),
    ];
    let named = named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let members = properties.statistics.members().into_iter();
    let members = members.map(|(name, value)| (format!("statistics/{name}"), value));
    named.chain(members).collect()
}

/// The merge of RFC 7396, to compare the one of the domain with.
fn merged(target: Option<&JsonValue>, patch: &JsonValue) -> JsonValue {
    let JsonValue::Object(patch) = patch else {
        return patch.clone();
    };
    let mut object = match target {
        Some(JsonValue::Object(object)) => object.clone(),
        _ => JsonObject::default(),
    };
    for (name, value) in patch.iter() {
        if *value == JsonValue::Null {
            object.remove(name);
        } else {
            let member = merged(object.get(name), value);
            object.insert(name, member);
        }
    }
    JsonValue::Object(object)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_terminal_status_is_never_left(run in runs(), patch in patches(), origin in origins()) {
        if let (RunState::Ended { outcome, .. }, Some(later)) =
            (run.properties.state, after(&run, &patch, &origin))
        {
            prop_assert_eq!(later.properties.state.status(), RunStatus::Ended(outcome));
        }
    }

    #[test]
    fn a_repeated_report_changes_nothing(
        run in runs(), patch in patches(), origin in origins(), again in origins(),
    ) {
        if let Some(later) = after(&run, &patch, &origin) {
            let decision = later.decide(&patch, &IfMatch::Absent, &again);
            prop_assert_eq!(decision, Ok(Decision::Unchanged));
        }
    }

    #[test]
    fn the_same_report_on_the_same_run_comes_to_the_same(
        run in runs(), patch in patches(), origin in origins(),
    ) {
        let decide = || run.decide(&patch, &IfMatch::Absent, &origin);
        prop_assert_eq!(decide(), decide());
    }

    #[test]
    fn an_absent_property_keeps_its_value(run in runs(), patch in patches(), origin in origins()) {
        let Some(later) = after(&run, &patch, &origin) else { return Ok(()) };
        let (before, later) = (run.properties, later.properties);
        if patch.display_name == Field::Absent {
            prop_assert_eq!(&later.display_name, &before.display_name);
        }
        if patch.start == Field::Absent {
            prop_assert_eq!(later.start, before.start);
        }
        if patch.status == Field::Absent {
            prop_assert_eq!(later.state.status(), before.state.status());
        }
        if patch.end == Nullable::Absent && before.state.end().is_some() {
            prop_assert_eq!(later.state.end(), before.state.end());
        }
        if patch.blocking_error == Nullable::Absent {
            prop_assert_eq!(&later.blocking_error, &before.blocking_error);
        }
        if patch.statistics == Field::Absent {
            prop_assert_eq!(&later.statistics, &before.statistics);
        }
    }

    #[test]
    fn a_sent_value_is_stored(run in runs(), patch in patches(), origin in origins()) {
        let Some(later) = after(&run, &patch, &origin) else { return Ok(()) };
        let later = later.properties;
        if let Field::Value(name) = &patch.display_name {
            prop_assert_eq!(&later.display_name, name);
        }
        if let Field::Value(start) = patch.start {
            prop_assert_eq!(later.start, start);
        }
        if let Field::Value(status) = patch.status {
            prop_assert_eq!(later.state.status(), status);
        }
        if let Nullable::Value(end) = patch.end {
            prop_assert_eq!(later.state.end(), Some(end));
        }
    }

    #[test]
    fn null_clears_the_error_and_absent_does_not(run in runs(), origin in origins()) {
        let null = RunPatch { blocking_error: Nullable::Null, ..RunPatch::default() };
        let cleared = after(&run, &null, &origin);
        prop_assert_eq!(cleared.map(|run| run.properties.blocking_error), Some(None));
        let absent = run.decide(&RunPatch::default(), &IfMatch::Absent, &origin);
        prop_assert_eq!(absent, Ok(Decision::Unchanged));
    }

    #[test]
    fn statistics_merge_as_rfc_7396_requires(run in runs(), patch in objects(), origin in origins()) {
        let before = JsonValue::Object(run.properties.statistics.members());
        let expected = merged(Some(&before), &JsonValue::Object(patch.clone()));
        let report = RunPatch { statistics: Field::Value(patch), ..RunPatch::default() };
        let later = after(&run, &report, &origin).map(|run| run.properties.statistics);
        let later = later.map(|statistics| JsonValue::Object(statistics.members()));
        prop_assert_eq!(later, Some(expected));
    }

    #[test]
    fn statistics_are_the_compact_text_of_their_members(
        run in runs(), patch in objects(), origin in origins(),
    ) {
        let report = RunPatch { statistics: Field::Value(patch), ..RunPatch::default() };
        let Some(later) = after(&run, &report, &origin) else { return Ok(()) };
        let statistics = later.properties.statistics;
        let members = statistics.members();
        prop_assert_eq!(statistics.text(), serde_json::to_string(&members)?);
        prop_assert_eq!(&Statistics::from_stored(&members), &statistics);
        let spaced = serde_json::to_string_pretty(&members)?;
        for stored in [statistics.text(), &spaced] {
            prop_assert_eq!(Statistics::from_stored_text(stored), Some(statistics.clone()));
        }
    }

    #[test]
    fn a_merge_keeps_what_was_not_named_and_removes_nulls(
        stored in objects(), patch in objects(),
    ) {
        let mut later = stored.clone();
        later.merge(&patch);
        for (name, value) in stored.iter().filter(|(name, _)| patch.get(name).is_none()) {
            prop_assert_eq!(later.get(name), Some(value));
        }
        for (name, value) in patch.iter() {
            prop_assert_eq!(later.get(name).is_none(), *value == JsonValue::Null);
        }
        let once = later.clone();
        later.merge(&patch);
        prop_assert_eq!(later, once);
    }

    #[test]
    fn the_end_is_null_exactly_while_running_and_never_before_the_start(
        run in runs(), patch in patches(), origin in origins(),
    ) {
        let Some(later) = after(&run, &patch, &origin) else { return Ok(()) };
        let RunProperties { state, start, .. } = later.properties;
        prop_assert_eq!(state.end().is_none(), state.status() == RunStatus::Running);
        prop_assert!(state.end().is_none_or(|end| end >= start));
    }

    #[test]
    fn a_completed_run_holds_no_error(run in runs(), patch in patches(), origin in origins()) {
        let Some(later) = after(&run, &patch, &origin) else { return Ok(()) };
        let completed = [Outcome::Completed, Outcome::CompletedWithWarnings].map(RunStatus::Ended);
        if completed.contains(&later.properties.state.status()) {
            prop_assert_eq!(later.properties.blocking_error, None);
        }
    }

    #[test]
    fn versions_grow_by_one_and_time_never_goes_backwards(
        run in runs(), patch in patches(), origin in origins(),
    ) {
        let Some((later, event)) = changed(&run, &patch, &origin) else { return Ok(()) };
        prop_assert_eq!(later.version.number(), run.version.number() + 1);
        prop_assert_eq!(event.version, later.version);
        prop_assert_eq!(event.occurred, later.modified);
        prop_assert_eq!(event.occurred, origin.received.max(run.modified));
        prop_assert_eq!((later.created, later.key), (run.created, run.key));
        prop_assert_eq!((event.id, event.key), (origin.event, run.key));
    }

    #[test]
    fn the_entry_applied_to_the_former_state_gives_the_new_one(
        run in runs(), patch in patches(), origin in origins(),
    ) {
        let Some((later, event)) = changed(&run, &patch, &origin) else { return Ok(()) };
        prop_assert!(!event.changes.is_empty());
        let mut state = shown(&run.properties);
        for change in event.changes {
            prop_assert_ne!(&change.before, &change.after);
            let before = match change.after {
                JsonValue::Null => state.remove(&change.property),
                after => state.insert(change.property, after),
            };
            prop_assert_eq!(before.unwrap_or(JsonValue::Null), change.before);
        }
        prop_assert_eq!(state, shown(&later.properties));
    }

    #[test]
    fn a_report_with_a_contradiction_is_rejected_by_every_run(
        run in runs(), patch in patches(), origin in origins(),
    ) {
        let violations = patch.contradictions();
        if !violations.is_empty() {
            let decision = run.decide(&patch, &IfMatch::AbsentButRequired, &origin);
            let Err(Rejection::Invalid(found)) = decision else {
                return Err(TestCaseError::fail(format!("{decision:?}")));
            };
            prop_assert!(violations.iter().all(|violation| found.contains(violation)));
        }
    }

    #[test]
    fn what_a_conflict_allows_can_be_reported(
        run in runs(), patch in patches(), origin in origins(),
    ) {
        let decision = run.decide(&patch, &IfMatch::Absent, &origin);
        let Err(Rejection::Conflict(conflict)) = decision else { return Ok(()) };
        for status in RunStatus::ALL {
            let report = RunPatch { status: Field::Value(status), ..RunPatch::default() };
            let is_accepted = run.decide(&report, &IfMatch::Absent, &origin).is_ok();
            prop_assert_eq!(is_accepted, conflict.allowed.contains(&status), "{}", status);
        }
    }
}
