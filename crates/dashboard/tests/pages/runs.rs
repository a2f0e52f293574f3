//! The runs of all flows, as a page and as JSON.

use std::sync::Arc;

use axum::http::{HeaderValue, Method, StatusCode, header};
use flowruns_domain::{
    id::{RunId, RunKey},
    run::{NewRun, Outcome, RunStatus},
};
use flowruns_http::{Limits, auth::Permission};
use flowruns_testing::{
    MemoryStore,
    fixtures::{error_patch, fresh_tenant, name, new_run, time},
};

use crate::{harness::Site, recording::RecordingStore};

/// A name that a page must show as text.
pub(crate) const HOSTILE: &str = "<b onmouseover=\"alert(1)\">'&amp;\u{202e}=1+1";
/// The same as HTML.
pub(crate) const ESCAPED: &str = "&lt;b onmouseover=&quot;alert(1)&quot;&gt;'&amp;amp;\u{202e}=1+1";

/// A run that failed with an error, from one minute to another of the morning.
pub(crate) fn failed(minute: u32, code: &str, message: &str) -> NewRun {
    let error = serde_json::json!({ "code": code, "message": message });
    NewRun {
        start: Some(time(&format!("2026-11-27T08:{minute:02}:00Z"))),
        end: Some(time(&format!("2026-11-27T09:{minute:02}:30Z"))),
        status: RunStatus::Ended(Outcome::Failed),
        blocking_error: Some(error_patch(&error.to_string())),
        ..new_run()
    }
}

/// The links of a page that begin so, with `&amp;` decoded.
fn links(page: &str, beginning: &str) -> Vec<String> {
    let links = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let links = links.map(|link| link.replace("&amp;", "&"));
    links.filter(|link| link.starts_with(beginning)).collect()
}

async fn many(site: &Site, count: u64) -> Vec<RunKey> {
    let flow = site.flow("Section enrollments").await;
    let mut keys = Vec::new();
    for number in 1..=count {
        let (day, hour, minute) = (25 - number / 1440, number / 60 % 24, number % 60);
        let start = format!("2026-11-{day:02}T{:02}:{:02}:00Z", 23 - hour, 59 - minute);
        let end = Some((Outcome::Completed, "2026-11-27T10:00:00Z"));
        keys.push(site.run(flow, number, (&start, end)).await);
    }
    keys
}

#[tokio::test]
async fn without_runs_the_page_leads_to_the_first_report() {
    let site = Site::new();
    let page = site.get("/ui/runs").await.ok();
    assert!(page.contains("No runs yet. <a href=\"/ui/report\">"), "{page}");
    assert!(!page.contains("name=\"run\""), "{page}");
    let filtered = site.get("/ui/runs?status=failed&since=24h").await.ok();
    assert!(filtered.contains("No run matches. <a href=\"/ui/runs\">"), "{filtered}");
    let json = site.get("/ui/runs.json").await.json();
    assert_eq!(json, serde_json::json!({ "runs": [] }));
}

#[tokio::test]
async fn a_run_has_the_name_of_its_flow_its_duration_and_its_error() {
    let site = Site::new();
    let flow = site.flow("Guardian contacts").await;
    let run = site.run_of(flow, 1, failed(0, "sourceUnreachable", "The source closed it.")).await;
    let page = site.get("/ui/runs").await.ok();
    let address = format!("/ui/flows/{}/runs/{}", run.flow, run.run);
    for part in [
        format!("<a class=\"name\" href=\"{address}\"><bdi>Guardian contacts</bdi></a>").as_str(),
        "<bdi>Nightly rosters</bdi>",
        "<code><bdi>sourceUnreachable</bdi></code> <bdi>The source closed it.</bdi>",
        "2026-11-27 08:00:00",
        "2026-11-27 09:00:30",
        "1 h 00 min",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let json = site.get("/ui/runs.json").await.json();
    let expected = serde_json::json!({ "runs": [{
        "flow": { "id": flow.flow.to_string(), "displayName": "Guardian contacts" },
        "id": run.run.to_string(),
        "displayName": "Nightly rosters",
        "status": "failed",
        "startDateTime": "2026-11-27T08:00:00Z",
        "endDateTime": "2026-11-27T09:00:30Z",
        "seconds": 3630.0,
        "blockingError": { "code": "sourceUnreachable", "message": "The source closed it." },
        "version": 1,
    }]});
    assert_eq!(json, expected);
}

#[tokio::test]
async fn hostile_names_and_errors_are_shown_as_text() {
    let site = Site::new();
    let flow = site.flow(HOSTILE).await;
    let hostile = NewRun { display_name: name(HOSTILE), ..failed(0, HOSTILE, HOSTILE) };
    site.run_of(flow, 1, hostile).await;
    let page = site.get("/ui/runs").await.ok();
    assert!(!page.contains("<b onmouseover"), "{page}");
    assert_eq!(page.matches(ESCAPED).count(), 4, "{page}");
}

#[tokio::test]
async fn every_filter_is_kept_by_every_link() {
    let site = Site::new();
    many(&site, 60).await;
    let page = site.get("/ui/runs?status=completed,failed&since=30d").await.ok();
    let others = links(&page, "/ui/runs?");
    assert!(others.len() > 8, "{others:?}");
    for link in &others {
        assert_eq!(site.get(link).await.status, StatusCode::OK, "{link}");
    }
    let has = |part: &str| others.iter().any(|link| link == part);
    assert!(has("/ui/runs?status=completed&since=30d"), "{others:?}");
    assert!(has("/ui/runs?status=running,failed,completed&since=30d"), "{others:?}");
    assert!(has("/ui/runs?status=failed,completed&since=24h"), "{others:?}");
    let older = others.iter().find(|link| link.contains("&after=")).expect("an older page");
    assert!(older.starts_with("/ui/runs?status=failed,completed&since=30d&after="), "{older}");
    assert_eq!(links(&page, "/ui/runs.csv"), ["/ui/runs.csv?status=failed,completed&since=30d"]);
    assert_eq!(links(&page, "/ui/runs.json"), ["/ui/runs.json?status=failed,completed&since=30d"]);

    let exact = "/ui/runs?status=failed&from=2026-11-24T00:00:00Z&to=2026-11-25T00:00:00Z";
    let page = site.get(exact).await.ok();
    for part in [
        "<input type=\"hidden\" name=\"status\" value=\"failed\">",
        "name=\"from\" step=\"1\" value=\"2026-11-24T00:00:00\"",
        "name=\"to\" step=\"1\" value=\"2026-11-25T00:00:00\"",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let form = "/ui/runs?status=failed&from=2026-11-24T00%3A00&to=2026-11-25T00%3A00%3A00";
    let of_form = site.get(form).await.ok();
    assert_eq!(links(&of_form, "/ui/runs.csv"), links(&page, "/ui/runs.csv"));
}

#[tokio::test]
async fn the_filters_select_by_status_and_start() {
    let site = Site::new();
    let flow = site.flow("Rosters").await;
    let failed = site.run_of(flow, 1, failed(0, "a", "b")).await;
    let old = ("2026-11-25T08:00:00Z", Some((Outcome::Completed, "2026-11-25T08:10:00Z")));
    let old = site.run(flow, 2, old).await;
    let running = site.run(flow, 3, ("2026-11-27T19:00:00Z", None)).await;
    for (query, expected) in [
        ("", vec![running, failed, old]),
        ("?status=failed", vec![failed]),
        ("?status=running,completed", vec![running, old]),
        ("?since=24h", vec![running, failed]),
        ("?since=30m", vec![]),
        ("?from=2026-11-27T08:00:00Z", vec![running, failed]),
        ("?to=2026-11-27T08:00:00Z", vec![old]),
        ("?status=failed&from=2026-11-25T08:00:00Z&to=2026-11-27T08:00:01Z", vec![failed]),
    ] {
        let json = site.get(&format!("/ui/runs.json{query}")).await.json();
        let runs = json["runs"].as_array().expect("runs").iter().map(|run| run["id"].clone());
        let expected: Vec<_> = expected.iter().map(|key| key.run.to_string()).collect();
        assert_eq!(runs.collect::<Vec<_>>(), expected, "{query}");
    }
}

#[tokio::test]
async fn the_pages_show_every_run_once() {
    let site = Site::new();
    let mut expected = many(&site, 120).await;
    let (mut address, mut shown) = ("/ui/runs?since=30d".to_owned(), Vec::<RunId>::new());
    for _ in 0..3 {
        let page = site.get(&address).await.ok();
        let runs = links(&page, "/ui/flows/");
        shown.extend(runs.iter().filter_map(|link| link.rsplit('/').next()?.parse::<RunId>().ok()));
        let next = page.split("rel=\"next\" href=\"").nth(1);
        let Some(next) = next.and_then(|rest| rest.split('"').next()) else { break };
        address = next.replace("&amp;", "&");
    }
    expected.sort_by_key(|key| key.run);
    let expected: Vec<_> = expected.into_iter().map(|key| key.run).collect();
    assert_eq!(shown, expected, "numbers grow as the starts go back");
    let last = site.get(&address).await.ok();
    assert!(!last.contains("rel=\"next\""));
    assert!(last.contains("<a class=\"btn\" href=\"/ui/runs?since=30d\">Latest</a>"), "{last}");
    let json = site.get("/ui/runs.json?since=30d").await.json();
    let next = json["next"].as_str().expect("a next page");
    assert_eq!(site.get(next).await.json()["runs"].as_array().map(Vec::len), Some(50));
}

#[tokio::test]
async fn unknown_and_malformed_parameters_are_400_and_can_be_left_out() {
    let site = Site::new();
    for query in ["state=failed", "status=broken", "since=1w", "from=x", "after=x", "since=1h&to=x"]
    {
        for path in ["/ui/runs", "/ui/runs.json", "/ui/runs.csv"] {
            let shown = site.get(&format!("{path}?{query}&status=failed")).await;
            assert_eq!(shown.status, StatusCode::BAD_REQUEST, "{path}?{query}");
        }
    }
    let page = site.get("/ui/runs?status=failed&state=x").await.body;
    assert!(page.contains("href=\"/ui/runs?status=failed\">Show without them</a>"), "{page}");
    let end = site.get("/ui/end?run=x").await;
    assert_eq!(end.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn the_runs_of_another_tenant_are_not_shown() {
    let site = Site::new();
    let runs = many(&site, 2).await;
    let other = site.visitor_of(fresh_tenant(), Permission::WriteFlows);
    for path in ["/ui/runs", "/ui/runs.json", "/ui/runs.csv", "/ui/timeline?hours=72"] {
        let shown = site.get_as(&other, path).await.ok();
        assert!(!shown.contains(&runs[0].run.to_string()), "{path}");
        assert!(!shown.contains("Section enrollments"), "{path}");
    }
}

#[tokio::test]
async fn only_people_who_may_write_can_choose_runs() {
    let site = Site::new();
    let flow = site.flow("Rosters").await;
    let running = site.run(flow, 1, ("2026-11-27T08:00:00Z", None)).await;
    let writer = site.get_as(&site.visitor(Permission::WriteRuns), "/ui/runs").await.ok();
    let chosen = format!(
        "<input type=\"checkbox\" name=\"run\" value=\"{}.{}.1\" form=\"end-form\"",
        running.flow, running.run
    );
    assert!(writer.contains(&chosen), "{writer}");
    assert!(
        writer.contains(
            "<form class=\"end-form\" id=\"end-form\" method=\"post\" action=\"/ui/end\">"
        )
    );
    let reader = site.get_as(&site.visitor(Permission::ReadRuns), "/ui/runs").await.ok();
    assert!(!reader.contains("checkbox"), "{reader}");
    assert!(!reader.contains("End as failed"), "{reader}");
    assert!(!reader.contains("/ui/end"), "{reader}");
}

#[tokio::test]
async fn a_full_page_is_small_and_needs_few_queries() {
    let rows = Arc::new(MemoryStore::default());
    let store = Arc::new(RecordingStore::new(Arc::clone(&rows)));
    let site = Site::on(rows, Arc::clone(&store) as _, Limits::default());
    for number in 1..=51_u32 {
        let flow = site.flow(&format!("{number} {}", "Roster import ".repeat(4))).await;
        let words = "the source closed the connection while a page was read ".repeat(40);
        let message = format!("{number}: {words}");
        site.run_of(flow, number.into(), failed(number, "sourceUnreachable", &message)).await;
    }
    store.take_calls();
    let mut request = site.request(Method::GET, &site.visitor(Permission::WriteRuns), "/ui/runs");
    request.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    let shown = site.send(request).await;
    assert_eq!(shown.body.matches("<tr class=\"pick\"").count(), 50);
    assert!(shown.bytes.len() < 20 * 1024, "{} bytes", shown.bytes.len());
    // A page of runs is at most two statements, since it reads the rest of one start and then earlier ones.
    assert_eq!(store.take_calls(), ["query_runs", "find_flows", "error_lines"]);
}

#[tokio::test]
async fn a_store_that_is_away_is_a_page_that_reloads() {
    let rows = Arc::new(MemoryStore::default());
    let store = Arc::new(RecordingStore::new(Arc::clone(&rows)));
    let site = Site::on(rows, Arc::clone(&store) as _, Limits::default());
    store.fail();
    for path in ["/ui/runs", "/ui/runs.csv", "/ui/timeline"] {
        let shown = site.get(path).await;
        assert_eq!(shown.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert_eq!(shown.header("refresh"), "5", "{path}");
    }
}
