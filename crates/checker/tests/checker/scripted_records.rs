//! Small records whose only flaw is the one that is named.

use std::sync::Arc;

use flowruns_checker::{Answer, Entry, Promise, Refusal, Report, Seen};
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

fn unknown() -> Answer<Seen> {
    Answer::Unknown("lost".to_owned())
}

fn refused(status: u16, code: &str) -> Answer<Seen> {
    let code = code.to_owned();
    Answer::Refused(Refusal { status, code })
}

fn change(property: &str, before: JsonValue, after: JsonValue) -> PropertyChange {
    PropertyChange { property: property.to_owned(), before, after }
}

/// A report that demands the version of this answer.
fn on_version(report: Report, answer: &Answer<Seen>) -> Report {
    let Answer::Done(seen) = answer else {
        panic!("{answer:?} has no version");
    };
    let if_match = IfMatch::OneOf(vec![seen.tag.clone()]);
    Report { if_match, ..report }
}

#[tokio::test]
async fn a_report_without_an_answer_may_be_there_or_not() {
    let mut script = Script::begin().await;
    script.record_report(1, report(1, nothing()), vec![((0, 5), unknown())]);
    assert_eq!(script.broken(|_| ()).await, []);
    script.answer(&report(1, nothing())).await;
    assert_eq!(script.broken(|_| ()).await, []);
}

#[tokio::test]
async fn a_repeated_report_may_be_refused_since_its_first_attempt_landed() {
    let mut script = Script::begin().await;
    let first = script.report(1, nothing(), (0, 1)).await;
    let second = on_version(report(2, nothing()), &first);
    script.answer(&second).await;
    let too_late = script.answer(&second).await;
    script.record_report(2, second, vec![((2, 3), unknown()), ((4, 5), too_late)]);
    assert_eq!(script.broken(|_| ()).await, []);
}

#[tokio::test]
async fn a_refusal_is_right_in_any_state_between_question_and_answer() {
    let before = ((0, 9), vec![Promise::RightAnswer]);
    let cases = [before, ((5, 12), vec![]), ((5, 30), vec![]), ((20, 25), vec![])];
    for (times, broken) in cases {
        let mut script = Script::begin().await;
        script.report(1, ended(Outcome::Completed), (10, 14)).await;
        let running = RunPatch { status: Field::Value(RunStatus::Running), ..nothing() };
        let answer = script.report(2, running, times).await;
        assert!(matches!(answer, Answer::Refused(_)), "{answer:?}");
        assert_eq!(script.broken(|_| ()).await, broken, "{times:?}");
    }
}

#[tokio::test]
async fn an_acknowledgement_without_the_change_that_was_due_is_found() {
    let named = |text: &str| RunPatch { display_name: Field::Value(name(text)), ..nothing() };
    let mut script = Script::begin().await;
    script.answer(&report(1, named("One"))).await;
    let second = script.report(2, named("Two"), (2, 3)).await;
    // Sent again now, it would have changed the name back.
    let attempts = vec![((0, 1), unknown()), ((4, 5), second)];
    script.record_report(1, report(1, named("One")), attempts);
    assert_eq!(script.broken(|_| ()).await, [Promise::RightAnswer]);
}

#[tokio::test]
async fn a_refusal_that_no_state_gives_is_found() {
    let mut script = Script::begin().await;
    let not_found = refused(404, "runNotFound");
    script.record_report(1, report(1, nothing()), vec![((0, 1), not_found)]);
    assert_eq!(script.broken(|_| ()).await, [Promise::RightAnswer]);
}

#[tokio::test]
async fn a_get_may_be_old_only_as_long_as_the_change_is_under_way() {
    let after = ((14, 15), vec![Promise::RealTimeOrder]);
    for (times, broken) in [((5, 8), vec![]), ((11, 15), vec![]), after] {
        let mut script = Script::begin().await;
        let first = script.report(1, nothing(), (0, 1)).await;
        script.report(2, nothing(), (10, 13)).await;
        script.get(3, first, times);
        assert_eq!(script.broken(|_| ()).await, broken, "{times:?}");
    }
}

#[tokio::test]
async fn what_one_get_showed_the_next_shows_too() {
    let mut script = Script::begin().await;
    let first = script.report(1, nothing(), (0, 1)).await;
    let second = script.report(2, nothing(), (2, 20)).await;
    script.get(3, second, (4, 5));
    script.get(4, first, (6, 7));
    assert_eq!(script.broken(|_| ()).await, [Promise::RealTimeOrder]);
}

#[tokio::test]
async fn a_report_that_is_there_twice_is_found() {
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
    assert!(broken.await.contains(&Promise::Once));
}

#[tokio::test]
async fn an_entry_that_nobody_made_is_found() {
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
    assert!(broken.await.contains(&Promise::KnownAuthor));
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
    assert!(broken.await.contains(&Promise::RightEffect));
}

#[tokio::test]
async fn a_row_that_is_not_what_its_history_says_is_found() {
    let mut script = Script::begin().await;
    script.report(1, nothing(), (0, 1)).await;
    let broken = script.broken(|stored| {
        stored.row.values = Arc::new(object("{}"));
    });
    assert_eq!(broken.await, [Promise::RowIsHistory]);
}

#[tokio::test]
async fn a_history_that_does_not_hold_together_is_found() {
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
        assert!(broken.contains(&Promise::UnbrokenHistory), "{index}: {broken:?}");
    }
}

fn number(number: u64) -> JsonValue {
    JsonValue::Number(number.into())
}
