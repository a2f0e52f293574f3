//! The items of a history.

use flowruns_domain::{
    patch::{Field, Nullable},
    run::{Decision, Outcome, Run, RunPatch},
    version::IfMatch,
};
use flowruns_testing::fixtures;

use super::*;

/// The history of a run that these reports changed.
fn history(reports: &[RunPatch]) -> Vec<RunEvent> {
    let flow = fixtures::fresh_flow(fixtures::fresh_tenant()).key;
    let created = fixtures::new_run().create(fixtures::run_key(flow, 1), &fixtures::origin());
    let created = created.unwrap();
    let (mut run, mut events): (Run, Vec<RunEvent>) = (created.run, vec![created.event]);
    for report in reports {
        let decision = run.decide(report, &IfMatch::Absent, &fixtures::origin()).unwrap();
        let Decision::Changed(change) = decision else { panic!("nothing changes") };
        run = change.run;
        events.push(change.event);
    }
    events
}

#[test]
fn reports_of_progress_are_folded_to_what_they_changed_together() {
    let events = history(&[
        fixtures::counted(r#"{"records":{"read":10}}"#),
        fixtures::counted(r#"{"records":{"read":20,"written":5},"host":"a"}"#),
        fixtures::counted(r#"{"records":{"read":1300000}}"#),
        fixtures::ended(Outcome::Completed),
    ]);
    let items = items(&events);
    let [HistoryItem::Entry(created), HistoryItem::Progress(progress), HistoryItem::Entry(ended)] =
        items.as_slice()
    else {
        panic!("{items:?}");
    };
    assert_eq!((created.title.as_str(), ended.title.as_str()), ("Created", "Ended: completed"));
    let versions: Vec<i64> = progress.reports.iter().map(|(version, _)| version.number()).collect();
    assert_eq!(versions, [2, 3, 4]);
    let added = |path: &str, after: &str| LeafChange {
        path: path.to_owned(),
        before: None,
        after: Some(after.to_owned()),
    };
    assert_eq!(
        progress.changes.leaves,
        [
            added("statistics/records/read", "1,300,000"),
            added("statistics/records/written", "5"),
            added("statistics/host", "a"),
        ]
    );
}

#[test]
fn one_report_of_progress_and_those_of_another_caller_are_not_folded() {
    let mut events =
        history(&[fixtures::counted(r#"{"rows":1}"#), fixtures::counted(r#"{"rows":2}"#)]);
    events[2].actor = "another".to_owned();
    let is_entry = |item: &HistoryItem| matches!(item, HistoryItem::Entry(_));
    assert!(items(&events).iter().all(is_entry));
}

#[test]
fn an_end_shows_its_leaves_before_and_after() {
    let report = RunPatch {
        display_name: Field::Value(fixtures::name("Nightly 2")),
        ..fixtures::ended(Outcome::Failed)
    };
    let events = history(&[report]);
    let items = items(&events);
    let Some(HistoryItem::Entry(ended)) = items.last() else { panic!("{items:?}") };
    assert_eq!(ended.title, "Ended: failed");
    let status = ended.changes.leaves.iter().find(|change| change.path == "status").unwrap();
    assert_eq!(status.before.as_deref(), Some("running"));
    assert_eq!(status.after.as_deref(), Some("failed"));
}

#[test]
fn an_error_that_is_added_is_text_and_one_that_changes_is_shown_by_its_leaves() {
    let error = |json: &str| RunPatch {
        blocking_error: Nullable::Value(fixtures::error_patch(json)),
        ..RunPatch::default()
    };
    let events = history(&[
        error(
            r#"{"code":"io","message":"closed","details":[{"code":"a","message":"b"},{"code":"c"}]}"#,
        ),
        error(r#"{"message":"closed again","details":[{"code":"a","message":"b"},{"code":"d"}]}"#),
    ]);
    let changes = |item: &HistoryItem| match item {
        HistoryItem::Entry(entry) => entry.changes.leaves.clone(),
        HistoryItem::Progress(_) => Vec::new(),
    };
    let items = items(&events);
    let change = |path: &str, before: Option<&str>, after: &str| LeafChange {
        path: path.to_owned(),
        before: before.map(str::to_owned),
        after: Some(after.to_owned()),
    };
    let added = "io: closed\na: b\nc";
    assert_eq!(changes(&items[1]), [change("blockingError", None, added)]);
    let expected = [
        change("blockingError/details", Some("c"), "d"),
        change("blockingError/message", Some("closed"), "closed again"),
    ];
    assert_eq!(changes(&items[2]), expected);
}

#[test]
fn a_change_of_many_members_is_cut_and_counted() {
    let members = (0..5000).map(|member| format!(r#""m{member}":{member}"#));
    let json = format!("{{{}}}", members.collect::<Vec<_>>().join(","));
    let events = history(&[fixtures::counted(&json)]);
    let items = items(&events);
    let Some(HistoryItem::Entry(progress)) = items.last() else { panic!("{items:?}") };
    assert_eq!(progress.changes.leaves.len(), MAX_CHANGES);
    assert_eq!(progress.changes.left_out, 5000 - MAX_CHANGES);
}

#[test]
fn all_changes_of_a_page_are_cut_and_counted_also_an_error_that_is_added() {
    let counts = |report: usize| {
        let members = (0..25).map(|member| format!(r#""m{member}":{}"#, report + member));
        fixtures::counted(&format!("{{{}}}", members.collect::<Vec<_>>().join(",")))
    };
    let failed = RunPatch {
        blocking_error: Nullable::Value(fixtures::error_patch(r#"{"code":"io"}"#)),
        ..fixtures::ended(Outcome::Failed)
    };
    let mut events = history(&(1..=8).map(counts).chain([failed]).collect::<Vec<_>>());
    // Reports of several callers are not folded.
    for (number, event) in events.iter_mut().enumerate() {
        event.actor = format!("caller {number}");
    }
    let items = items(&events);
    let changes = items.iter().map(|item| match item {
        HistoryItem::Entry(entry) => &entry.changes,
        HistoryItem::Progress(progress) => &progress.changes,
    });
    let changes: Vec<&Changes> = changes.collect();
    let shown: usize = changes.iter().map(|changes| changes.leaves.len()).sum();
    assert_eq!(shown, MAX_CHANGES_OF_PAGE);
    let ended = changes.last().unwrap();
    assert_eq!(ended.leaves, []);
    let changed = events.last().unwrap().changes.len();
    assert_eq!(ended.left_out, changed, "each of them is a leaf, or an error");
}
