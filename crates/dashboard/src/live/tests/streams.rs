//! How a stream begins and ends.

use std::time::Duration;

use axum::http::StatusCode;
use flowruns_domain::timestamp::Timestamp;
use flowruns_testing::fixtures::{fresh_tenant, fresh_uuid};

use super::fixture::{ADDRESS, Fixture, audience, event, page, parameters};
use crate::{live::StreamParameters, visitor::Visitor};

#[tokio::test(start_paused = true)]
async fn a_drain_ends_every_stream_at_once() {
    let fixture = Fixture::new();
    let tenant = fresh_tenant();
    let mut tabs = Vec::new();
    for _ in 0..100 {
        let mut tab = fixture.open(&fixture.visitor(tenant), &["a", "b", "c"]);
        tab.expect_live().await;
        tabs.push(tab);
    }
    let begun = tokio::time::Instant::now();
    fixture.draining.begin();
    for tab in &mut tabs {
        assert_eq!(tab.next().await, Some(event("bye", "drain")));
        assert_eq!(tab.next().await, None);
    }
    assert!(begun.elapsed() < Duration::from_secs(1));
    drop(tabs);
    assert_eq!(fixture.live.counts(), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_opened_during_a_drain_ends_at_once() {
    let fixture = Fixture::new();
    fixture.draining.begin();
    let mut tab = fixture.open(&fixture.visitor(fresh_tenant()), &["changed", "b", "c"]);
    assert_eq!(tab.next().await, Some(event("bye", "drain")));
    assert_eq!(tab.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_with_its_session() {
    let fixture = Fixture::new();
    let mut visitor = fixture.visitor(fresh_tenant());
    let end = fixture.now.date_time() + Duration::from_secs(90);
    visitor.expires_at = Timestamp::new(end).unwrap();
    let mut tab = fixture.open(&visitor, &["a", "b", "c"]);
    tab.expect_live().await;
    let opened = tokio::time::Instant::now();
    assert_eq!(tab.next().await, Some(event("bye", "session")));
    assert_eq!(opened.elapsed().as_secs(), 90);
    assert_eq!(tab.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_sign_out_ends_the_streams_of_its_session_only() {
    let fixture = Fixture::new();
    let visitor = fixture.visitor(fresh_tenant());
    let other = Visitor { session: fresh_uuid(), ..visitor.clone() };
    let mut tabs = [&visitor, &visitor, &other].map(|who| fixture.open(who, &["a", "b", "c"]));
    for tab in &mut tabs {
        tab.expect_live().await;
    }
    fixture.live.end_session(visitor.session);
    let [first, second, third] = &mut tabs;
    for ended in [first, second] {
        assert_eq!(ended.next().await, Some(event("bye", "session")));
        assert_eq!(ended.next().await, None);
    }
    assert_eq!(third.events_within(Duration::from_secs(10)).await, []);
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_gets_a_comment_every_15_seconds() {
    let fixture = Fixture::new();
    let mut tab = fixture.open(&fixture.visitor(fresh_tenant()), &["a", "b", "c"]);
    assert_eq!(tab.frame().await.as_deref(), Some(":\n\n"));
    tab.expect_live().await;
    for _ in 0..3 {
        let before = tokio::time::Instant::now();
        assert_eq!(tab.frame().await.as_deref(), Some(":\n\n"));
        assert_eq!(before.elapsed().as_secs(), 15);
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_frees_its_stream_and_the_last_one_its_watch() {
    let fixture = Fixture::new();
    let tenant = fresh_tenant();
    let mut first = fixture.open(&fixture.visitor(tenant), &["a", "b", "c"]);
    let second = fixture.open(&fixture.visitor(tenant), &["a", "b", "c"]);
    first.expect_live().await;
    assert_eq!(fixture.live.counts(), (2, 2, 1));
    drop(first);
    assert_eq!(fixture.live.counts(), (1, 1, 1));
    // The second one was never read.
    drop(second);
    assert_eq!(fixture.live.counts(), (0, 0, 0));
    let renderings = fixture.page.renderings();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(fixture.page.renderings(), renderings);
    let mut tab = fixture.open(&fixture.visitor(tenant), &["a", "b", "c"]);
    tab.expect_live().await;
}

#[tokio::test(start_paused = true)]
async fn a_view_of_another_session_or_tenant_is_refused() {
    let fixture = Fixture::new();
    let visitor = fixture.visitor(fresh_tenant());
    let signed = parameters(&visitor, ADDRESS, &page(&["a"]));
    let others = [
        Visitor { session: fresh_uuid(), ..visitor.clone() },
        Visitor { tenant: fresh_tenant(), ..visitor.clone() },
    ];
    for other in others {
        let refused = fixture.live.open(&other, audience(&other), &signed).unwrap_err();
        assert_eq!((refused.status, refused.code), (StatusCode::FORBIDDEN, "viewRefused"));
    }
    for view in [&signed.view[4..], "", ADDRESS] {
        let changed = StreamParameters { view: view.to_owned(), ..signed.clone() };
        let refused = fixture.live.open(&visitor, audience(&visitor), &changed).unwrap_err();
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{view}");
    }
    assert_eq!(fixture.live.counts(), (0, 0, 0));
}
