//! Pages that stay current while they are open.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{Method, StatusCode},
};
use flowruns_dashboard::Visitor;
use flowruns_domain::{
    clock::Clock as _, id::RunKey, run::Outcome, store::RunStore as _, version::IfMatch,
};
use flowruns_http::{AdmissionLimits, Limits, auth::Permission};
use flowruns_testing::fixtures::{self, counted, fresh_tenant};
use http_body_util::BodyExt as _;

use crate::{
    harness::{NOW, Site},
    run::patch,
};

const REPORT: &str = "/ui/report";
const OVERVIEW: &str = "/ui";

/// A page as a browser shows it, with its open stream.
struct Tab {
    body: Body,
}

/// The value of an attribute of a page, which has it once.
fn attribute(page: &str, name: &str) -> String {
    let (_, rest) = page.split_once(&format!(" {name}=\"")).expect("the attribute");
    rest.split_once('"').expect("its end").0.replace("&amp;", "&")
}

/// The address of the stream of a page.
fn stream_address(page: &str) -> String {
    format!("{}&rev={}", attribute(page, "data-stream"), attribute(page, "data-rev"))
}

impl Tab {
    /// Loads the first steps from one server, and opens their stream on another one.
    async fn open(visitor: &Visitor, page_of: &Site, stream_of: &Site) -> Self {
        Self::open_at(visitor, (page_of, REPORT), stream_of).await
    }

    async fn open_at(
        visitor: &Visitor,
        (page_of, address): (&Site, &str),
        stream_of: &Site,
    ) -> Self {
        let page = page_of.get_as(visitor, address).await.ok();
        let request = stream_of.request(Method::GET, visitor, &stream_address(&page));
        let response = stream_of.respond(request).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert!(!response.headers().contains_key("content-encoding"));
        Self { body: response.into_body() }
    }

    /// The next event, as text; comments are skipped. `None` at the end.
    async fn next(&mut self) -> Option<String> {
        loop {
            let frame = self.body.frame().await?.expect("a frame").into_data().expect("data");
            let text = String::from_utf8(frame.to_vec()).expect("UTF-8");
            if !text.starts_with(':') {
                return Some(text);
            }
        }
    }

    async fn expect_live(&mut self) {
        let event = self.next().await.expect("an event");
        assert!(event.starts_with("event: state\ndata: on\ndata: live\n"), "{event}");
    }
}

/// Reports the end of a run.
async fn end(site: &Site, run: RunKey, outcome: Outcome) {
    let received = site.clock.now();
    let report = fixtures::report(move |run| {
        run.decide(&fixtures::ended(outcome), &IfMatch::Absent, &fixtures::origin_at(received))
    });
    site.store.update_run(run, report).await.expect("an update");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_another_server_stored_appears_within_four_seconds() {
    let one = Site::new();
    let mut two = Site::on(Arc::clone(&one.store), Arc::clone(&one.store) as _, Limits::default());
    two.tenant = one.tenant;
    let visitor = one.visitor(Permission::ReadRuns);
    let mut tabs = [Tab::open(&visitor, &one, &one).await, Tab::open(&visitor, &one, &two).await];
    for tab in &mut tabs {
        tab.expect_live().await;
    }
    let flow = one.flow("Rosters").await;
    let run = two.run(flow, 1, ("2026-11-27T19:41:00Z", None)).await;
    let stored = tokio::time::Instant::now();
    for tab in &mut tabs {
        let event = tab.next().await.expect("an event");
        assert!(event.starts_with("event: put\ndata: <p"), "{event}");
        assert!(event.contains(&format!("/ui/flows/{}/runs/{}", flow.flow, run.run)), "{event}");
        assert!(tab.next().await.expect("an event").starts_with("event: rev\n"));
    }
    assert!(stored.elapsed() < Duration::from_secs(4));
}

#[tokio::test(start_paused = true)]
async fn of_the_overview_only_what_changed_is_sent_and_time_alone_changes_nothing() {
    let site = Site::new();
    let visitor = site.visitor(Permission::ReadRuns);
    let (quiet, busy) = (site.flow("A quiet one").await, site.flow("<b>Rosters</b>").await);
    let ended = Some((Outcome::Completed, "2026-11-27T19:40:30Z"));
    site.run(quiet, 1, ("2026-11-27T19:40:00Z", ended)).await;
    let run = site.run(busy, 1, ("2026-11-27T19:41:00Z", None)).await;
    let mut tab = Tab::open_at(&visitor, (&site, OVERVIEW), &site).await;
    tab.expect_live().await;
    for _ in 0..30 {
        site.clock.advance(Duration::from_secs(2));
        let silent = tokio::time::timeout(Duration::from_secs(2), tab.next()).await;
        assert!(silent.is_err(), "{silent:?}");
    }
    end(&site, run, Outcome::Failed).await;
    let mut sent = Vec::new();
    while !sent.last().is_some_and(|event: &String| event.starts_with("event: rev\n")) {
        sent.push(tab.next().await.expect("an event"));
    }
    let begins: Vec<_> = sent.iter().map(|event| event.split_at(40.min(event.len())).0).collect();
    let row = format!("id=\"flow-{}\"", busy.flow);
    assert_eq!(sent.len(), 5, "{begins:?}");
    assert!(sent[0].starts_with("event: put\ndata: <section"), "{}", sent[0]);
    assert!(sent[1].starts_with("event: put\ndata: <tr") && sent[1].contains(&row), "{}", sent[1]);
    assert!(!sent[1].contains("<b>Rosters"), "{}", sent[1]);
    assert_eq!(sent[2], "event: title\ndata: 1 failed · Flows · flowruns\n\n");
    assert!(sent[3].starts_with("event: say\ndata: ") && sent[3].contains("failed"), "{}", sent[3]);
}

#[tokio::test]
async fn no_part_of_a_live_page_changes_within_two_seconds() {
    let site = Site::new();
    let flow = site.flow("Rosters").await;
    for minute in 10..16 {
        let [start, end] = [0, 20].map(|second| format!("2026-11-27T19:{minute}:{second:02}Z"));
        site.run(flow, minute, (&start, Some((Outcome::Completed, &end)))).await;
    }
    let stale = site.run(flow, 20, ("2026-11-27T19:30:00Z", None)).await;
    let other = site.run(flow, 21, ("2026-11-27T19:41:00Z", None)).await;
    for (run, done) in [(stale, 30), (other, 400)] {
        let progress = counted(&format!(r#"{{"progress":{{"done":{done},"total":1000}}}}"#));
        patch(&site, run, "2026-11-27T19:42:00Z", progress).await;
    }
    let of_flow = format!("/ui/flows/{}", flow.flow);
    let addresses = [
        OVERVIEW.to_owned(),
        "/ui?show=stale".to_owned(),
        of_flow.clone(),
        format!("{of_flow}/runs/{}", stale.run),
        format!("{of_flow}/runs/{}", other.run),
        "/ui/runs".to_owned(),
        "/ui/timeline".to_owned(),
        REPORT.to_owned(),
    ];
    for address in &addresses {
        site.clock.set(fixtures::time(NOW));
        let before = site.get(address).await.ok();
        site.clock.advance(Duration::from_secs(2));
        let after = site.get(address).await.ok();
        let [old, new] = [&before, &after].map(|page| attribute(page, "data-rev"));
        assert_eq!(old, new, "{address}\n{before}\n{after}");
    }
    let page = site.get(&addresses[3]).await.ok();
    assert!(page.contains("It has been running for 12 min;"), "{page}");
    assert!(page.contains(" left at the last report"), "{page}");
}

#[tokio::test(start_paused = true)]
async fn a_page_with_a_very_long_address_has_no_stream() {
    let site = Site::new();
    let page = site.get(&format!("/ui?name={}", "a".repeat(250))).await.ok();
    assert!(page.contains("data-stream"));
    let page = site.get(&format!("/ui?name={}", "a%20".repeat(2000))).await;
    assert!(!page.body.contains("data-stream"));
}

#[tokio::test(start_paused = true)]
async fn a_page_that_was_loaded_again_gets_only_what_changed_after_it() {
    let site = Site::new();
    let visitor = site.visitor(Permission::ReadRuns);
    let mut first = Tab::open(&visitor, &site, &site).await;
    first.expect_live().await;
    let flow = site.flow("Rosters").await;
    site.run(flow, 1, ("2026-11-27T02:00:00Z", Some((Outcome::Failed, "2026-11-27T02:30:00Z"))))
        .await;
    let mut second = Tab::open(&visitor, &site, &site).await;
    assert!(first.next().await.expect("an event").starts_with("event: put\n"));
    second.expect_live().await;
    let silent = tokio::time::timeout(Duration::from_secs(10), second.next()).await;
    assert!(silent.is_err(), "{silent:?}");
}

#[tokio::test]
async fn a_stream_opens_only_for_the_session_of_its_page() {
    let site = Site::new();
    let visitor = site.visitor(Permission::ReadRuns);
    let page = site.get_as(&visitor, REPORT).await.ok();
    let address = stream_address(&page);
    for other in
        [site.visitor(Permission::ReadRuns), Visitor { tenant: fresh_tenant(), ..visitor.clone() }]
    {
        let shown = site.get_as(&other, &address).await;
        assert_eq!(shown.status, StatusCode::FORBIDDEN);
        assert!(shown.body.contains("viewRefused"), "{}", shown.body);
    }
    let mut request = site.request(Method::GET, &visitor, &address);
    request.headers_mut().remove("cookie");
    assert_eq!(site.send(request).await.status, StatusCode::UNAUTHORIZED);
    let mut request = site.request(Method::GET, &visitor, &address);
    request.headers_mut().insert("host", "evil.example".parse().expect("a host"));
    assert_eq!(site.send(request).await.status, StatusCode::MISDIRECTED_REQUEST);
    for address in ["/ui/stream", "/ui/stream?view=AAAA&rev=AAAA"] {
        let status = site.get_as(&visitor, address).await.status;
        assert_eq!(status, StatusCode::FORBIDDEN, "{address}");
    }
}

#[tokio::test(start_paused = true)]
async fn open_streams_leave_admission_to_others() {
    let limits = AdmissionLimits { requests: 4, bytes: 1024 * 1024, caller_percent: 100 };
    let site = Site::with(Limits { admission: limits, ..Limits::default() });
    let visitor = site.visitor(Permission::ReadRuns);
    let mut tabs = Vec::new();
    for _ in 0..8 {
        // One request at a time may have the lowest priority, and loading the page is one.
        let mut tab = Tab::open(&visitor, &site, &site).await;
        tab.expect_live().await;
        tabs.push(tab);
    }
    site.get_as(&visitor, REPORT).await.ok();
}

#[tokio::test(start_paused = true)]
async fn a_sign_out_and_a_drain_end_streams() {
    let site = Site::new();
    let visitor = site.visitor(Permission::ReadRuns);
    let other = site.visitor(Permission::ReadRuns);
    let mut tab = Tab::open(&visitor, &site, &site).await;
    let mut other = Tab::open(&other, &site, &site).await;
    tab.expect_live().await;
    other.expect_live().await;
    let signed_out = site.post_as(&visitor, "/ui/sign-out", "").await;
    assert_eq!(signed_out.status, StatusCode::SEE_OTHER);
    assert_eq!(tab.next().await.as_deref(), Some("event: bye\ndata: session\n\n"));
    assert_eq!(tab.next().await, None);
    site.draining.begin();
    assert_eq!(other.next().await.as_deref(), Some("event: bye\ndata: drain\n\n"));
    assert_eq!(other.next().await, None);
}

#[tokio::test]
async fn a_page_says_nothing_of_streams_without_a_session() {
    let site = Site::new();
    let page = site.get("/ui/sign-in").await;
    assert!(!page.body.contains("data-stream"), "{}", page.body);
    let missing = site.get("/ui/nothing").await;
    assert!(!missing.body.contains("data-stream"), "{}", missing.body);
}
