//! What is rendered, and what is sent of it.

use std::time::Duration;

use axum::http::HeaderMap;
use flowruns_http::{CallerId, Deadline, Priority, RequestContext};
use flowruns_testing::fixtures::fresh_tenant;
use uuid::Uuid;

use super::fixture::{ADDRESS, Answer, Fixture, INTERVAL, event, fragment, page, parameters};
use crate::live::{LiveLimits, StreamParameters, snapshot::Revision};

/// A little more than an interval, so that a tick is surely within it.
const SOON: Duration = Duration::from_millis(2001);

#[tokio::test(start_paused = true)]
async fn five_hundred_streams_of_one_page_make_one_rendering_a_tick() {
    let fixture = Fixture::new();
    let tenant = fresh_tenant();
    let mut tabs = Vec::new();
    for _ in 0..500 {
        tabs.push(fixture.open(&fixture.visitor(tenant), &["a", "b", "c"]));
    }
    for tab in &mut tabs {
        tab.expect_live().await;
    }
    assert_eq!(fixture.page.renderings(), 1);
    tokio::time::sleep(INTERVAL * 5 + Duration::from_millis(1)).await;
    assert_eq!(fixture.page.renderings(), 6);
    fixture.page.show(&["a", "b", "changed"]);
    for tab in &mut tabs {
        assert_eq!(tab.next().await, Some(event("put", &fragment(2, "changed"))));
    }
    assert_eq!(fixture.page.renderings(), 7);
    assert_eq!(fixture.live.counts(), (500, 500, 1));
}

#[tokio::test(start_paused = true)]
async fn only_the_fragments_that_changed_are_sent_and_then_the_revision() {
    let fixture = Fixture::new();
    let mut tab = fixture.open(&fixture.visitor(fresh_tenant()), &["a", "b", "c"]);
    tab.expect_live().await;
    assert_eq!(tab.events_within(INTERVAL * 3).await, []);
    fixture.page.show(&["a", "changed", "c"]);
    let revision = Revision::of(&page(&["a", "changed", "c"])).to_string();
    let expected = [event("put", &fragment(1, "changed")), event("rev", &revision)];
    assert_eq!(tab.events_within(SOON).await, expected);
    fixture.page.show(&["a", "b", "c"]);
    assert_eq!(tab.next().await, Some(event("put", &fragment(1, "b"))));
}

#[tokio::test(start_paused = true)]
async fn a_tab_that_was_closed_for_a_while_gets_what_changed_meanwhile() {
    let fixture = Fixture::new();
    let visitor = fixture.visitor(fresh_tenant());
    let mut other = fixture.open(&visitor, &["a", "b", "c"]);
    other.expect_live().await;
    fixture.page.show(&["a", "b", "changed"]);
    // The watch keeps the markup of a fragment only at the tick at which it changed.
    assert_eq!(other.events_within(INTERVAL * 3).await.len(), 2);
    let mut tab = fixture.open(&visitor, &["a", "b", "c"]);
    let events = tab.events_within(SOON).await;
    assert!(events.contains(&event("put", &fragment(2, "changed"))), "{events:?}");
    assert_eq!(events.iter().filter(|event| event.kind == "put").count(), 1);
    assert_eq!(other.events_within(INTERVAL).await, []);
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_gets_only_the_newest_version() {
    let fixture = Fixture::new();
    let mut tab = fixture.open(&fixture.visitor(fresh_tenant()), &["a", "b", "c"]);
    tab.expect_live().await;
    for version in ["1", "2", "3"] {
        fixture.page.show(&[version, "b", version]);
        tokio::time::sleep(SOON).await;
    }
    let events = tab.events_within(SOON * 2).await;
    let puts: Vec<_> = events.iter().filter(|event| event.kind == "put").cloned().collect();
    let expected = [event("put", &fragment(0, "3")), event("put", &fragment(2, "3"))];
    assert_eq!(puts, expected);
}

#[tokio::test(start_paused = true)]
async fn a_change_between_two_parts_of_an_update_is_not_lost() {
    let fixture = Fixture::new();
    let mut tab = fixture.open(&fixture.visitor(fresh_tenant()), &["a", "b", "c"]);
    tab.expect_live().await;
    fixture.page.show(&["1", "1", "1"]);
    assert_eq!(tab.next().await, Some(event("put", &fragment(0, "1"))));
    fixture.page.show(&["2", "1", "2"]);
    tokio::time::sleep(SOON).await;
    let events = tab.events_within(SOON * 2).await;
    let puts: Vec<_> = events.iter().filter(|event| event.kind == "put").collect();
    for expected in [fragment(0, "2"), fragment(1, "1"), fragment(2, "2")] {
        let sent = puts.iter().filter(|event| event.data == expected).count();
        assert_eq!(sent, 1, "{expected} {puts:?}");
    }
    let revision = Revision::of(&page(&["2", "1", "2"])).to_string();
    assert_eq!(events.last(), Some(&event("rev", &revision)));
}

#[tokio::test(start_paused = true)]
async fn a_page_keeps_what_it_has_while_the_store_is_away() {
    let fixture = Fixture::new();
    let mut tab = fixture.open(&fixture.visitor(fresh_tenant()), &["a", "b", "c"]);
    tab.expect_live().await;
    for failure in [Answer::Fails, Answer::Panics] {
        fixture.page.set(failure);
        let away = [event("state", "off\nreconnecting")];
        assert_eq!(tab.events_within(INTERVAL * 5).await, away);
        fixture.page.show(&["a", "b", "c"]);
        assert_eq!(tab.events_within(SOON).await, [event("state", "on\nlive")]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_answer_is_away() {
    let fixture = Fixture::new();
    let mut tab = fixture.open(&fixture.visitor(fresh_tenant()), &["a", "b", "c"]);
    tab.expect_live().await;
    fixture.page.set(Answer::Hangs);
    let within = INTERVAL + LiveLimits::default().tick_timeout;
    let away = [event("state", "off\nreconnecting")];
    assert_eq!(tab.events_within(within + Duration::from_millis(1)).await, away);
    fixture.page.show(&["a", "b", "changed"]);
    let events = tab.events_within(within).await;
    assert_eq!(events.first(), Some(&event("put", &fragment(2, "changed"))));
    assert_eq!(events.last(), Some(&event("state", "on\nlive")));
}

#[tokio::test(start_paused = true)]
async fn a_tick_that_admission_refuses_is_skipped_and_told() {
    let fixture = Fixture::new();
    let mut tab = fixture.open(&fixture.visitor(fresh_tenant()), &["a", "b", "c"]);
    tab.expect_live().await;
    let renderings = fixture.page.renderings();
    let busy = [event("state", "off\npaused: the server is busy")];
    let held = hold_lists(&fixture);
    assert_eq!(tab.events_within(INTERVAL * 3).await, busy);
    assert_eq!(fixture.page.renderings(), renderings);
    drop(held);
    assert_eq!(tab.events_within(SOON).await, [event("state", "on\nlive")]);
}

#[tokio::test(start_paused = true)]
async fn an_idle_stream_holds_no_permit() {
    let fixture = Fixture::new();
    let mut tab = fixture.open(&fixture.visitor(fresh_tenant()), &["a", "b", "c"]);
    tab.expect_live().await;
    drop(hold_lists(&fixture));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_ends_is_said_once() {
    let fixture = Fixture::new();
    let visitor = fixture.visitor(fresh_tenant());
    let mut tab = fixture.open(&visitor, &["a", "b", "c"]);
    tab.expect_live().await;
    let mut ended = page(&["a", "b", "failed"]);
    "Failed after 8 min.".clone_into(&mut ended.summary);
    "Failed: nightly".clone_into(&mut ended.title);
    fixture.page.set(Answer::Page(ended.clone()));
    let events = tab.events_within(INTERVAL * 10).await;
    let revision = Revision::of(&ended).to_string();
    let expected = [
        event("put", &fragment(2, "failed")),
        event("title", "Failed: nightly"),
        event("say", "Failed after 8 min."),
        event("rev", &revision),
    ];
    assert_eq!(events, expected);
    drop(tab);
    let mut again = fixture.open_with(&visitor, &parameters(&visitor, ADDRESS, &ended));
    assert_eq!(again.events_within(INTERVAL * 3).await, [event("state", "on\nlive")]);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_lists_other_rows_or_is_gone_is_loaded_again() {
    for answer in [Answer::Page(page(&["a", "b", "c", "new"])), Answer::Gone] {
        let fixture = Fixture::new();
        let mut tab = fixture.open(&fixture.visitor(fresh_tenant()), &["a", "b", "c"]);
        tab.expect_live().await;
        fixture.page.set(answer);
        assert_eq!(tab.next().await, Some(event("bye", "page")));
        assert_eq!(tab.next().await, None);
    }
    let fixture = Fixture::new();
    let visitor = fixture.visitor(fresh_tenant());
    let known = parameters(&visitor, ADDRESS, &page(&["a"]));
    for unknown in ["", "AAAAAAAA", "not base64!"] {
        let unknown = StreamParameters { rev: unknown.to_owned(), ..known.clone() };
        let mut tab = fixture.open_with(&visitor, &unknown);
        assert_eq!(tab.next().await, Some(event("bye", "page")), "{unknown:?}");
        assert_eq!(tab.next().await, None);
    }
}

fn context() -> RequestContext {
    let deadline = Deadline::new(std::time::Instant::now(), Duration::from_secs(60));
    RequestContext::new(Uuid::nil(), deadline, &HeaderMap::new())
}

/// Uses all that the lowest priority may use: one of the four requests.
fn hold_lists(fixture: &Fixture) -> RequestContext {
    let context = context();
    fixture.admission.admit(&context, CallerId::SHARED, Priority::List, 0).unwrap();
    context
}
