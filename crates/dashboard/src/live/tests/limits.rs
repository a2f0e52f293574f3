//! The limits of streams and watches, and their metrics.

use std::time::Duration;

use flowruns_http::auth::Permission;
use flowruns_testing::fixtures::fresh_tenant;
use metrics_exporter_prometheus::PrometheusBuilder;

use super::fixture::{Fixture, INTERVAL, event};
use crate::{live::LiveLimits, visitor::Visitor};

#[tokio::test(start_paused = true)]
async fn a_session_keeps_its_newest_streams_and_the_server_has_a_limit() {
    let limits = LiveLimits { streams: 10, ..LiveLimits::default() };
    let fixture = Fixture::with_limits(limits);
    let visitor = fixture.visitor(fresh_tenant());
    let other = fixture.visitor(fresh_tenant());
    let open = |visitor: &Visitor| fixture.open(visitor, &["a", "b", "c"]);
    let mut tabs: Vec<_> = (0..8).map(|_| open(&visitor)).collect();
    tabs[0].expect_live().await;
    tabs.push(open(&visitor));
    let mut oldest = tabs.remove(0);
    let text = "off\nnot live: you have too many pages open";
    assert_eq!(oldest.next().await, Some(event("state", text)));
    assert_eq!(oldest.next().await, Some(event("bye", "full")));
    assert_eq!(oldest.next().await, None);
    drop(oldest);
    tabs.extend((0..2).map(|_| open(&other)));
    let mut refused = open(&other);
    let text = "off\nnot live: too many pages are open on this server";
    assert_eq!(refused.next().await, Some(event("state", text)));
    assert_eq!(refused.next().await, Some(event("bye", "full")));
    for tab in &mut tabs {
        tab.expect_live().await;
    }
    drop(refused);
    tabs.remove(0);
    open(&visitor).expect_live().await;
}

#[tokio::test(start_paused = true)]
async fn a_session_that_does_not_read_its_streams_leaves_those_of_the_server_to_others() {
    let limits = LiveLimits { streams: 20, streams_of_session: 4, ..LiveLimits::default() };
    let fixture = Fixture::with_limits(limits);
    let visitor = fixture.visitor(fresh_tenant());
    let open = || fixture.open(&visitor, &["a", "b", "c"]);
    let mut unread: Vec<_> = (0..8).map(|_| open()).collect();
    let mut refused = open();
    let text = "off\nnot live: you have too many pages open";
    assert_eq!(refused.next().await, Some(event("state", text)));
    assert_eq!(refused.next().await, Some(event("bye", "full")));
    assert_eq!(fixture.live.counts().0, 8);
    let other = fixture.visitor(fresh_tenant());
    fixture.open(&other, &["a", "b", "c"]).expect_live().await;
    // One that was told to end is read to its end.
    drop(unread.remove(0));
    open().expect_live().await;
}

#[tokio::test(start_paused = true)]
async fn more_watches_than_the_full_rate_allows_are_slower_and_say_so() {
    let fixture =
        Fixture::with_limits(LiveLimits { watches_at_full_rate: 2, ..LiveLimits::default() });
    let visitor = fixture.visitor(fresh_tenant());
    let open =
        |page: usize| fixture.open_at(&visitor, &format!("/ui/flows/{page}"), &["a", "b", "c"]);
    let mut tabs: Vec<_> = (0..2).map(open).collect();
    for tab in &mut tabs {
        tab.expect_live().await;
    }
    tabs.extend((2..5).map(open));
    for tab in &mut tabs {
        assert_eq!(tab.next().await, Some(event("state", "on\nlive, every 6 s")));
    }
    tokio::time::sleep(INTERVAL * 3).await;
    let before = fixture.page.renderings();
    tokio::time::sleep(INTERVAL * 3 * 10).await;
    assert_eq!(fixture.page.renderings() - before, 5 * 10);
    tabs.truncate(1);
    assert_eq!(tabs[0].next().await, Some(event("state", "on\nlive")));
}

#[tokio::test(start_paused = true)]
async fn visitors_share_a_watch_unless_tenant_permission_or_address_differ() {
    let fixture = Fixture::new();
    let visitor = fixture.visitor(fresh_tenant());
    let writer = Visitor { permission: Permission::WriteRuns, ..visitor.clone() };
    let colleague = fixture.visitor(visitor.tenant);
    let stranger = fixture.visitor(fresh_tenant());
    let mut tabs = Vec::new();
    for (who, watches) in [(&visitor, 1), (&colleague, 1), (&writer, 2), (&stranger, 3)] {
        tabs.push(fixture.open(who, &["a", "b", "c"]));
        assert_eq!(fixture.live.counts().2, watches);
    }
    tabs.push(fixture.open_at(&visitor, "/ui/runs", &["a", "b", "c"]));
    assert_eq!(fixture.live.counts().2, 4);
}

#[test]
fn streams_watches_ticks_and_what_was_sent_are_counted() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let shown = recorder.handle();
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    metrics::with_local_recorder(&recorder, || runtime.block_on(count_events(&shown)));
}

async fn count_events(shown: &metrics_exporter_prometheus::PrometheusHandle) {
    let fixture = Fixture::with_limits(LiveLimits { streams: 1, ..LiveLimits::default() });
    let visitor = fixture.visitor(fresh_tenant());
    let mut tab = fixture.open(&visitor, &["a", "b", "c"]);
    drop(fixture.open(&visitor, &["a", "b", "c"]));
    tab.expect_live().await;
    fixture.page.show(&["a", "b", "changed"]);
    assert_eq!(tab.events_within(INTERVAL + Duration::from_millis(1)).await.len(), 2);
    let text = shown.render();
    let lines: Vec<_> = text.lines().collect();
    for expected in [
        "flowruns_dashboard_streams 1",
        "flowruns_dashboard_watches 1",
        "flowruns_dashboard_streams_refused_total{reason=\"server\"} 1",
        "flowruns_dashboard_streams_refused_total{reason=\"session\"} 0",
        "flowruns_dashboard_ticks_total{outcome=\"changed\"} 2",
        "flowruns_dashboard_ticks_total{outcome=\"unchanged\"} 0",
        "flowruns_dashboard_ticks_total{outcome=\"refused\"} 0",
        "flowruns_dashboard_ticks_total{outcome=\"failed\"} 0",
        "flowruns_dashboard_ticks_total{outcome=\"gone\"} 0",
        "flowruns_dashboard_fragments_sent_total 1",
    ] {
        assert!(lines.contains(&expected), "{expected}\n{text}");
    }
    let sent =
        lines.iter().find_map(|line| line.strip_prefix("flowruns_dashboard_stream_bytes_total "));
    assert!(sent.unwrap().parse::<u64>().unwrap() > 50, "{sent:?}");
    drop(tab);
    let text = shown.render();
    for expected in ["flowruns_dashboard_streams 0", "flowruns_dashboard_watches 0"] {
        assert!(text.lines().any(|line| line == expected), "{expected}\n{text}");
    }
}
