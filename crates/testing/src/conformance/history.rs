//! The history of a run.

use std::sync::Arc;

use flowruns_domain::{
    patch::Nullable,
    query::{EventPageRequest, PageSize, event_bytes},
    run::{Action, Outcome, RunPatch},
    store::{Store, Updated},
    version::{IfMatch, Version},
};

use super::fixture::{Fixture, page_size};
use crate::fixtures::{counted, ended, error_patch, new_run, object, origin_at, time};

/// Oldest first, in pages by version; `more` says whether another page follows.
pub async fn history_is_listed_by_version_oldest_first(store: Arc<dyn Store>) {
    let fixture = Fixture::new(store).await;
    let key = fixture.create_default(1).await.key;
    for row in 1..=4 {
        fixture.change(key, counted(&format!(r#"{{"rows":{row}}}"#))).await;
    }
    let mut after = None;
    for (expected, more) in [(vec![1, 2], true), (vec![3, 4], true), (vec![5], false)] {
        let request = EventPageRequest { size: page_size(2), after: after.and_then(Version::new) };
        let page = fixture.store.list_run_events(key, request).await;
        let page = page.expect("events can be listed").expect("it exists");
        let versions: Vec<_> = page.items.iter().map(|e| e.version.number()).collect();
        assert_eq!((&versions, page.has_more), (&expected, more));
        after = versions.last().copied();
    }
    let actions: Vec<_> = fixture.history(key).await.iter().map(|e| e.action).collect();
    assert_eq!(actions[0], Action::Created);
    assert!(actions[1..].iter().all(|action| *action == Action::Updated));
}

/// The changes of every property lead, entry by entry, to the stored run.
pub async fn history_leads_to_the_stored_run(store: Arc<dyn Store>) {
    let fixture = Fixture::new(store).await;
    let mut new = new_run();
    new.statistics = object(r#"{"rows":1,"parts":{"a":1,"b":[null]},"gone":"soon"}"#);
    new.blocking_error = Some(error_patch(r#"{"code":"x","innerError":{"code":"y"}}"#));
    let key = fixture.create(1, &new).await.key;
    let patches = [
        counted(r#"{"gone":null,"parts":{"a":null,"c":{}},"":"empty"}"#),
        RunPatch {
            blocking_error: Nullable::Value(error_patch(r#"{"message":"m","code":null}"#)),
            ..counted(r#"{"parts":7}"#)
        },
        RunPatch { blocking_error: Nullable::Null, ..ended(Outcome::Completed) },
        RunPatch { end: Nullable::Value(time("2027-01-01T00:00:00Z")), ..RunPatch::default() },
    ];
    for patch in patches {
        fixture.change(key, patch).await;
        fixture.assert_history_leads_to_the_run(key).await;
    }
}

/// A report of a server whose clock is behind does not make the times of the history go back.
pub async fn the_time_of_a_history_never_goes_backwards(store: Arc<dyn Store>) {
    let fixture = Fixture::new(store).await;
    let key = fixture.create_default(1).await.key;
    let times = ["2026-03-01T12:00:00Z", "2026-02-01T00:00:00Z", "2026-04-01T00:00:00Z"];
    for (row, received) in times.into_iter().enumerate() {
        let patch = counted(&format!(r#"{{"rows":{row}}}"#));
        let origin = origin_at(time(received));
        let updated = fixture.update(key, patch, IfMatch::Absent, origin).await;
        assert!(matches!(updated, Some(Updated::Changed(_))), "{updated:?}");
    }
    fixture.assert_history_leads_to_the_run(key).await;
    let events = fixture.history(key).await;
    let occurred: Vec<_> = events[1..].iter().map(|e| e.occurred.to_string()).collect();
    assert_eq!(occurred, [times[0], times[0], times[2]]);
}

/// A history whose entries are months apart is complete.
pub async fn a_history_spans_years(store: Arc<dyn Store>) {
    let fixture = Fixture::new(store).await;
    let creation =
        new_run().create(fixture.key(1), &origin_at(time("2019-12-31T23:59:59.999999Z")));
    let creation = creation.expect("a run may be created at any time");
    let key = creation.run.key;
    fixture.create_run(creation).await;
    for (row, year) in (2020..=2032).enumerate() {
        let received = time(&format!("{year}-01-01T00:00:00Z"));
        let patch = counted(&format!(r#"{{"rows":{row}}}"#));
        fixture.update(key, patch, IfMatch::Absent, origin_at(received)).await;
    }
    let run = fixture.assert_history_leads_to_the_run(key).await;
    assert_eq!(run.version.number(), 14);
}

/// A page ends before the entry that would exceed its byte limit, has at least one entry, and the next page continues after it.
pub async fn a_page_of_history_stays_within_its_bytes(store: Arc<dyn Store>) {
    const LIMIT: u32 = 20_000;
    let fixture = Fixture::new(store).await;
    let key = fixture.create_default(1).await.key;
    for row in 0..80 {
        // Small ones, some of which only a few fit, and some of which none fits.
        let length = [10, 10, 10, 2_000, 60_000][row % 5];
        let text = format!(r#"{{"rows":{row},"text":"{row}{}"}}"#, "x".repeat(length));
        fixture.change(key, counted(&text)).await;
    }
    let (mut versions, mut after, mut pages) = (Vec::new(), None, 0);
    loop {
        let size = page_size(PageSize::MAX).within(LIMIT);
        let page = fixture.store.list_run_events(key, EventPageRequest { size, after });
        let page = page.await.expect("events can be listed").expect("it exists");
        let bytes: usize = page.items.iter().map(event_bytes).sum();
        assert!(bytes <= LIMIT as usize || page.items.len() == 1, "{bytes}");
        versions.extend(page.items.iter().map(|event| event.version.number()));
        after = page.items.last().map(|event| event.version);
        pages += 1;
        if !page.has_more {
            break;
        }
    }
    assert_eq!(versions, (1..=81).collect::<Vec<_>>());
    assert!((33..81).contains(&pages), "{pages}");
}
