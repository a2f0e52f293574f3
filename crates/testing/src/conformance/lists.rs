//! Lists of runs.

use std::sync::Arc;

use flowruns_domain::{
    id::RunKey,
    patch::Field,
    query::{ListedRun, RunCursor, RunPage, RunQuery, RunScope},
    run::{NewRun, Outcome, RunPatch, RunSummary},
    store::Store,
};

use super::fixture::Fixture;
use crate::fixtures::{counted, ended, fresh_flow, new_run, time};

fn started(text: &str) -> NewRun {
    NewRun { start: Some(time(text)), ..new_run() }
}

fn keys(rows: &[ListedRun]) -> Vec<RunKey> {
    rows.iter().map(|row| row.summary.key).collect()
}

fn after(page: &RunPage) -> Option<RunCursor> {
    page.next.as_ref().map(|next| next.after.clone())
}

/// Newest start first, to the microsecond; of one start the greatest id first.
pub async fn runs_are_listed_by_start_newest_first_ties_by_id(store: Arc<dyn Store>) {
    let fixture = Fixture::new(store).await;
    let starts = [
        (5, "2026-03-01T08:30:00Z"),
        (1, "2026-03-01T08:30:00.000001Z"),
        (4, "2026-03-01T08:30:00Z"),
        (2, "1969-12-31T23:59:59.999999Z"),
        (3, "9999-12-31T23:59:59.999999Z"),
        (6, "0001-01-01T00:00:00Z"),
    ];
    for (number, start) in starts {
        fixture.create(number, &started(start)).await;
    }
    let expected = [3, 1, 5, 4, 2, 6].map(|number| fixture.key(number));
    let page = fixture.page(10, None).await;
    assert_eq!(keys(&page.items), expected);
    assert_eq!(page.next, None);
}

/// Pages of every size give the whole list, and say whether another page follows.
pub async fn pages_of_every_size_give_the_whole_list(store: Arc<dyn Store>) {
    let fixture = Fixture::new(store).await;
    let (early, late) = ("2026-03-01T08:00:00Z", "2026-03-01T09:00:00Z");
    for number in 1..=6 {
        let start = if number % 3 == 0 { late } else { early };
        fixture.create(number, &started(start)).await;
    }
    let expected = [6, 3, 5, 4, 2, 1].map(|number| fixture.key(number));
    for rows in 1..=7 {
        let mut listed = Vec::new();
        let mut after = None;
        loop {
            let page = fixture.page(rows, after).await;
            listed.extend(keys(&page.items));
            let rest = expected.len() - listed.len();
            assert_eq!(page.next.is_some(), rest > 0, "{rows} rows a page, {rest} to come");
            let Some(next) = page.next else { break };
            after = Some(next.after);
        }
        assert_eq!(listed, expected, "{rows} rows a page");
    }
}

/// Rows that are created or deleted make no page skip or repeat another row.
pub async fn pages_are_stable_while_rows_are_created_and_deleted(store: Arc<dyn Store>) {
    let fixture = Fixture::new(store).await;
    for hour in 1..=6 {
        let start = format!("2026-03-01T0{hour}:00:00Z");
        fixture.create(hour, &started(&start)).await;
    }
    let first = fixture.page(2, None).await;
    assert_eq!(keys(&first.items), [fixture.key(6), fixture.key(5)]);

    // Before the cursor one row is created and the cursor's own row is deleted; behind it one is deleted and one is created.
    fixture.create(7, &started("2026-03-01T07:00:00Z")).await;
    fixture.delete(fixture.key(5)).await;
    fixture.delete(fixture.key(3)).await;
    fixture.create(8, &started("2026-03-01T02:30:00Z")).await;

    let second = fixture.page(2, after(&first)).await;
    assert_eq!(keys(&second.items), [fixture.key(4), fixture.key(8)]);
    assert!(second.next.is_some());
    let third = fixture.page(2, after(&second)).await;
    assert_eq!(keys(&third.items), [fixture.key(2), fixture.key(1)]);
    assert_eq!(third.next, None);
}

/// A list shows each run as it is stored now.
pub async fn a_list_shows_the_current_state(store: Arc<dyn Store>) {
    let fixture = Fixture::new(store).await;
    let key = fixture.create_default(1).await.key;
    fixture.change(key, counted(r#"{"rows":1}"#)).await;
    let patch = RunPatch {
        start: Field::Value(time("2026-02-28T23:00:00Z")),
        display_name: Field::Value(crate::fixtures::name("Renamed")),
        ..ended(Outcome::CompletedWithWarnings)
    };
    let run = fixture.change(key, patch).await;
    let expected = RunSummary {
        key,
        version: run.version,
        display_name: run.properties.display_name,
        start: run.properties.start,
        state: run.properties.state,
    };
    let expected = ListedRun { summary: expected, details: None };
    assert_eq!(fixture.page(10, None).await.items, [expected]);
}

/// A page of no rows is empty, and has no next one.
pub async fn a_page_of_no_rows_is_empty(store: Arc<dyn Store>) {
    let fixture = Fixture::new(store).await;
    fixture.create_default(1).await;
    let page = fixture.page(0, None).await;
    assert!(page.items.is_empty() && page.next.is_none(), "{page:?}");
}

/// A flow without runs has an empty list; an absent flow has none.
pub async fn the_list_of_an_absent_flow_is_none(store: Arc<dyn Store>) {
    let fixture = Fixture::new(store).await;
    assert!(fixture.page(10, None).await.items.is_empty());
    let absent = fresh_flow(fixture.flow.tenant).key;
    let listed = fixture.store.query_runs(&RunQuery::new(RunScope::Flow(absent))).await;
    assert_eq!(listed.expect("runs can be listed"), None);
}

/// A list holds the runs of its flow only.
pub async fn runs_of_another_flow_are_not_listed(store: Arc<dyn Store>) {
    let one = Fixture::new(store).await;
    let other = one.other_flow().await;
    one.create_default(1).await;
    other.create_default(2).await;
    assert_eq!(keys(&one.page(10, None).await.items), [one.key(1)]);
    assert_eq!(keys(&other.page(10, None).await.items), [other.key(2)]);
}
