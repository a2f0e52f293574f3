//! endDateTime and startDateTime.

use super::*;

fn state_after(run: &Run, patch: &RunPatch) -> RunState {
    changed(run, patch).run.properties.state
}

#[test]
fn a_run_ends_with_the_end_that_was_sent() {
    for outcome in OUTCOMES {
        let at = time(END);
        let patch = RunPatch { end: Nullable::Value(at), ..super::outcome(outcome) };
        assert_eq!(state_after(&running(), &patch), RunState::Ended { outcome, at });
    }
}

#[test]
fn a_run_that_ends_without_an_end_or_with_null_ends_now() {
    for end in [Nullable::Absent, Nullable::Null] {
        let patch = RunPatch { end, ..outcome(Outcome::Failed) };
        assert_eq!(state_after(&running(), &patch).end(), Some(time(NOW)));
    }
}

#[test]
fn a_run_that_ends_by_itself_never_ends_before_a_stored_or_sent_start() {
    let late = time("2026-03-02T00:00:00Z");
    let stored_late = stored(&NewRun { start: Some(late), ..new_run() });
    let patch = outcome(Outcome::Failed);
    assert_eq!(state_after(&stored_late, &patch).end(), Some(late));
    let sent_late = RunPatch { start: Field::Value(late), ..patch };
    assert_eq!(state_after(&running(), &sent_late).end(), Some(late));
}

#[test]
fn an_end_while_the_run_stays_running_is_rejected() {
    for reported in [Field::Absent, Field::Value(RunStatus::Running)] {
        let patch = RunPatch { status: reported, ..end(Nullable::Value(time(END))) };
        let rule = Rule::EndDateTimeWithoutEnd;
        assert_violation(&running(), &patch, rule, "endDateTime");
    }
}

#[test]
fn a_null_end_while_the_run_stays_running_is_fine() {
    assert_unchanged(&running(), &end(Nullable::Null));
    let patch = RunPatch { end: Nullable::Null, ..status(RunStatus::Running) };
    assert_unchanged(&running(), &patch);
}

#[test]
fn a_null_end_alone_on_a_run_that_has_ended_is_rejected() {
    for outcome in OUTCOMES {
        let allowed = [RunStatus::Ended(outcome)];
        let rule = ConflictRule::RunAlreadyEnded;
        assert_conflict(&ended(outcome), &end(Nullable::Null), rule, &allowed);
    }
}

#[test]
fn a_null_end_with_the_stored_terminal_status_counts_as_absent() {
    for stored in OUTCOMES {
        let patch = RunPatch { end: Nullable::Null, ..outcome(stored) };
        assert_unchanged(&ended(stored), &patch);
    }
}

#[test]
fn another_end_on_a_run_that_has_ended_merges_and_the_history_shows_it() {
    let at = time("2026-03-01T08:31:00.5Z");
    let change = changed(&ended(Outcome::Failed), &end(Nullable::Value(at)));
    assert_eq!(change.run.properties.state.end(), Some(at));
    let [entry] = &change.event.changes[..] else {
        panic!("one change: {:?}", change.event.changes);
    };
    assert_eq!(entry.property, "endDateTime");
    assert_eq!(entry.before, END.into());
    assert_eq!(entry.after, "2026-03-01T08:31:00.500000Z".into());
}

#[test]
fn another_start_on_a_run_that_has_ended_merges_and_the_history_shows_it() {
    let patch = RunPatch { start: Field::Value(time(END)), ..RunPatch::default() };
    let change = changed(&ended(Outcome::Completed), &patch);
    assert_eq!(change.run.properties.start, time(END));
    let [entry] = &change.event.changes[..] else {
        panic!("one change: {:?}", change.event.changes);
    };
    assert_eq!(entry.property, "startDateTime");
    assert_eq!((&entry.before, &entry.after), (&START.into(), &END.into()));
}

#[test]
fn an_end_before_the_start_is_rejected_whichever_was_sent() {
    let early = time("2026-03-01T07:59:59.999999Z");
    let late = time("2026-03-01T08:30:00.000001Z");
    let (sent_start, sent_end) = (Field::Value(late), Nullable::Value(early));
    let both_sent = RunPatch { start: sent_start, end: sent_end, ..outcome(Outcome::Failed) };
    let end_sent = RunPatch { end: sent_end, ..outcome(Outcome::Failed) };
    let start_sent = RunPatch { start: sent_start, ..RunPatch::default() };
    let cases = [
        (running(), both_sent.clone(), "endDateTime"),
        (running(), end_sent.clone(), "endDateTime"),
        (ended(Outcome::Failed), both_sent, "endDateTime"),
        (ended(Outcome::Failed), end_sent, "endDateTime"),
        (ended(Outcome::Failed), start_sent, "startDateTime"),
        (ended(Outcome::Failed), end(sent_end), "endDateTime"),
    ];
    for (run, patch, target) in cases {
        assert_violation(&run, &patch, Rule::EndBeforeStart, target);
    }
}

#[test]
fn an_end_at_the_start_is_fine() {
    let patch = RunPatch { end: Nullable::Value(time(START)), ..outcome(Outcome::Failed) };
    assert_eq!(state_after(&running(), &patch).end(), Some(time(START)));
}
