//! Small records whose only flaw is the one that is named.

use std::sync::Arc;

use flowruns_checker::{Entry, Guarantee, RejectionCode, Report, Seen, TargetResponse};
use flowruns_domain::{
    json::JsonValue,
    patch::Field,
    run::{Action, Outcome, PropertyChange, RunPatch, RunStatus},
    version::IfMatch,
};
use flowruns_testing::fixtures::{ended, name, object, time};

use crate::script::{Script, report};

fn nothing() -> RunPatch {
    RunPatch::default()
}

fn unknown() -> TargetResponse<Seen> {
    TargetResponse::Unknown("lost".to_owned())
}

fn rejected(status: u16, code: &str) -> TargetResponse<Seen> {
    let code = code.to_owned();
    TargetResponse::Rejected(RejectionCode { status, code })
}

fn change(property: &str, before: JsonValue, after: JsonValue) -> PropertyChange {
    PropertyChange { property: property.to_owned(), before, after }
}

/// A report that demands the version of this response.
fn on_version(report: Report, response: &TargetResponse<Seen>) -> Report {
    let TargetResponse::Done(seen) = response else {
        panic!("{response:?} has no version");
    };
    let if_match = IfMatch::OneOf(vec![seen.tag.clone()]);
    Report { if_match, ..report }
}

#[tokio::test]
async fn a_report_without_a_response_may_be_stored_or_not() {
    let mut script = Script::begin().await;
    script.record_report(1, report(1, nothing()), vec![((0, 5), unknown())]);
    assert_eq!(script.broken(|_| ()).await, []);
    script.response(&report(1, nothing())).await;
    assert_eq!(script.broken(|_| ()).await, []);
}

#[tokio::test]
async fn a_repeated_report_may_be_rejected_because_its_first_attempt_was_stored() {
    let mut script = Script::begin().await;
    let first = script.report(1, nothing(), (0, 1)).await;
    let second = on_version(report(2, nothing()), &first);
    script.response(&second).await;
    let too_late = script.response(&second).await;
    script.record_report(2, second, vec![((2, 3), unknown()), ((4, 5), too_late)]);
    assert_eq!(script.broken(|_| ()).await, []);
}

#[tokio::test]
async fn a_rejection_is_right_in_any_state_between_request_and_response() {
    let before = ((0, 9), vec![Guarantee::RightResponse]);
    let cases = [before, ((5, 12), vec![]), ((5, 30), vec![]), ((20, 25), vec![])];
    for (times, broken) in cases {
        let mut script = Script::begin().await;
        script.report(1, ended(Outcome::Completed), (10, 14)).await;
        let running = RunPatch { status: Field::Value(RunStatus::Running), ..nothing() };
        let response = script.report(2, running, times).await;
        assert!(matches!(response, TargetResponse::Rejected(_)), "{response:?}");
        assert_eq!(script.broken(|_| ()).await, broken, "{times:?}");
    }
}

#[tokio::test]
async fn an_acknowledgement_without_the_change_that_was_due_is_found() {
    let named = |text: &str| RunPatch { display_name: Field::Value(name(text)), ..nothing() };
    let mut script = Script::begin().await;
    script.response(&report(1, named("One"))).await;
    let second = script.report(2, named("Two"), (2, 3)).await;
    // Sent again now, it would have changed the name back.
    let attempts = vec![((0, 1), unknown()), ((4, 5), second)];
    script.record_report(1, report(1, named("One")), attempts);
    assert_eq!(script.broken(|_| ()).await, [Guarantee::RightResponse]);
}

#[tokio::test]
async fn a_rejection_that_no_state_explains_is_found() {
    let mut script = Script::begin().await;
    let not_found = rejected(404, "runNotFound");
    script.record_report(1, report(1, nothing()), vec![((0, 1), not_found)]);
    assert_eq!(script.broken(|_| ()).await, [Guarantee::RightResponse]);
}

#[tokio::test]
async fn a_get_may_be_old_only_while_the_change_is_in_flight() {
    let after = ((14, 15), vec![Guarantee::RealTimeOrder]);
    for (times, broken) in [((5, 8), vec![]), ((11, 15), vec![]), after] {
        let mut script = Script::begin().await;
        let first = script.report(1, nothing(), (0, 1)).await;
        script.report(2, nothing(), (10, 13)).await;
        script.get(3, first, times);
        assert_eq!(script.broken(|_| ()).await, broken, "{times:?}");
    }
}

#[tokio::test]
async fn a_get_is_not_older_than_the_previous_one() {
    let mut script = Script::begin().await;
    let first = script.report(1, nothing(), (0, 1)).await;
    let second = script.report(2, nothing(), (2, 20)).await;
    script.get(3, second, (4, 5));
    script.get(4, first, (6, 7));
    assert_eq!(script.broken(|_| ()).await, [Guarantee::RealTimeOrder]);
}

#[tokio::test]
async fn a_report_that_is_stored_twice_is_found() {
    let mut script = Script::begin().await;
    script.report(1, nothing(), (0, 1)).await;
    script.report(2, nothing(), (2, 3)).await;
    let broken = script.broken(|stored| {
        let [_, first, second] = &mut stored.history[..] else {
            panic!("a creation and two reports");
        };
        let mut again = Entry { version: 4, ..first.clone() };
        again.occurred = second.occurred;
        again.changes = vec![change("statistics/c1", number(0), number(1))];
        second.changes.push(change("statistics/c1", number(1), number(0)));
        stored.history.push(again);
    });
    assert!(broken.await.contains(&Guarantee::Once));
}

#[tokio::test]
async fn an_entry_that_no_report_made_is_found() {
    let mut script = Script::begin().await;
    script.report(1, nothing(), (0, 1)).await;
    let broken = script.broken(|stored| {
        let last = stored.history.last().unwrap().clone();
        stored.history.push(Entry {
            version: last.version + 1,
            changes: vec![change("statistics/other", JsonValue::Null, number(1))],
            ..last
        });
    });
    assert!(broken.await.contains(&Guarantee::KnownAuthor));
}

#[tokio::test]
async fn an_entry_that_does_more_than_its_report_is_found() {
    let mut script = Script::begin().await;
    script.report(1, nothing(), (0, 1)).await;
    let broken = script.broken(|stored| {
        let (before, after) = ("Nightly rosters".into(), "Another".into());
        let last = stored.history.last_mut().unwrap();
        last.changes.push(change("displayName", before, after));
    });
    assert!(broken.await.contains(&Guarantee::RightEffect));
}

#[tokio::test]
async fn a_row_that_differs_from_its_history_is_found() {
    let mut script = Script::begin().await;
    script.report(1, nothing(), (0, 1)).await;
    let broken = script.broken(|stored| {
        stored.row.values = Arc::new(object("{}"));
    });
    assert_eq!(broken.await, [Guarantee::RowIsHistory]);
}

#[tokio::test]
async fn a_history_with_a_contradiction_is_found() {
    let ways: [fn(&mut Vec<Entry>); 6] = [
        |history| drop(history.remove(1)),
        |history| history[2].version = 2,
        |history| history[2].occurred = time("2020-01-01T00:00:00Z"),
        |history| history[2].action = Action::Deleted,
        |history| history[2].changes[0].before = number(7),
        |history| history.clear(),
    ];
    for (index, way) in ways.into_iter().enumerate() {
        let mut script = Script::begin().await;
        script.report(1, nothing(), (0, 1)).await;
        script.report(2, nothing(), (2, 3)).await;
        let broken = script.broken(|stored| way(&mut stored.history)).await;
        assert!(broken.contains(&Guarantee::UnbrokenHistory), "{index}: {broken:?}");
    }
}

fn number(number: u64) -> JsonValue {
    JsonValue::Number(number.into())
}
