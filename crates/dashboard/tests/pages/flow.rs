//! The page of a flow.

use std::sync::Arc;

use axum::http::{HeaderValue, Method, StatusCode, header};
use chrono::TimeDelta;
use flowruns_dashboard::Visitor;
use flowruns_domain::{
    id::FlowKey,
    run::{NewRun, Outcome, RunStatus},
    timestamp::Timestamp,
};
use flowruns_http::{Limits, auth::Permission};
use flowruns_testing::{
    MemoryStore,
    fixtures::{self, error_patch, fresh_tenant, name, object, time},
};

use crate::{
    harness::{Shown, Site},
    recording::RecordingStore,
};

/// Pages on a store that notes the statements.
pub(crate) fn recorded() -> (Arc<RecordingStore>, Site) {
    let rows = Arc::new(MemoryStore::default());
    let store = Arc::new(RecordingStore::new(Arc::clone(&rows)));
    let site = Site::on(rows, Arc::clone(&store) as _, Limits::default());
    (store, site)
}

/// A run of each of the last days, each half an hour from two o'clock on: the newest last. `outcome` gives that of the run of a
/// number of days ago; the errors of failed runs are those of one day in a row.
pub(crate) async fn daily_runs(
    site: &Site,
    flow: FlowKey,
    days: u64,
    outcome: impl Fn(u64) -> Outcome,
) {
    for number in 1..=days {
        let days_ago = days - number;
        let outcome = outcome(days_ago);
        let start = days_before(time("2026-11-27T02:00:00Z"), days_ago);
        let is_failed = outcome == Outcome::Failed;
        let minutes = if is_failed { 11 } else { 30 };
        let read = if is_failed { 30_000 } else { 49_000 + number % 7 };
        let error = r#"{"code":"sourceUnreachable","message":"Skyward closed the connection"}"#;
        let new = NewRun {
            display_name: name(&format!("Nightly {number}")),
            start: Some(start),
            end: Some(later(start, TimeDelta::minutes(minutes))),
            status: RunStatus::Ended(outcome),
            blocking_error: is_failed.then(|| error_patch(error)),
            statistics: object(&format!(
                r#"{{"host":"worker-{}","records":{{"read":{read},"rejected":0}},"source":{{"pages":50}}}}"#,
                number % 2
            )),
        };
        site.run_of(flow, number, new).await;
    }
}

fn later(at: Timestamp, by: TimeDelta) -> Timestamp {
    Timestamp::new(at.date_time() + by).expect("a time of this century")
}

fn days_before(at: Timestamp, days: u64) -> Timestamp {
    later(at, -TimeDelta::days(i64::try_from(days).expect("few days")))
}

/// The newest two runs failed, all others completed.
pub(crate) fn two_failures(days_ago: u64) -> Outcome {
    if days_ago < 2 { Outcome::Failed } else { Outcome::Completed }
}

pub(crate) fn address(flow: FlowKey) -> String {
    format!("/ui/flows/{}", flow.flow)
}

/// A page as browsers request it.
pub(crate) async fn compressed(site: &Site, address: &str) -> Shown {
    let visitor = site.visitor(Permission::WriteFlows);
    let mut request = site.request(Method::GET, &visitor, address);
    request.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    site.send(request).await
}

#[tokio::test]
async fn a_flow_without_runs_says_so() {
    let site = Site::new();
    let flow = site.flow("Rosters").await;
    let page = site.get(&address(flow)).await.ok();
    for part in ["This flow has not run yet", "No run has been reported yet", "no numbers"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let json = site.get(&format!("{}.json", address(flow))).await.json();
    assert_eq!(json["flow"]["displayName"], "Rosters");
    assert_eq!(json["runs"], serde_json::json!([]));
}

#[tokio::test]
async fn a_flow_with_one_run_has_no_habit_and_no_band() {
    let site = Site::new();
    let flow = site.flow("Rosters").await;
    daily_runs(&site, flow, 1, |_| Outcome::Completed).await;
    let page = site.get(&address(flow)).await.ok();
    assert_eq!(page.matches("<path class=\"dot ok\"").count(), 1, "{page}");
    for absent in ["usually every", "class=\"band\"", "class=\"note"] {
        assert!(!page.contains(absent), "{absent}: {page}");
    }
}

#[tokio::test]
async fn the_notice_says_since_when_the_flow_fails_with_what_and_which_run_was_the_last_good_one() {
    let site = Site::new();
    let flow = site.flow("Rosters").await;
    daily_runs(&site, flow, 40, two_failures).await;
    let page = site.get(&address(flow)).await.ok();
    for part in [
        "The newest 2 runs failed",
        "2026-11-26 02:00:00</time> (<time",
        ">41 h ago</time>)",
        "<code><bdi>sourceUnreachable</bdi></code> <bdi>Skyward closed the connection</bdi>",
        "<bdi>Nightly 38</bdi></a>",
        ">2 days ago</time>), completed.",
        "against=completed&amp;only=differences\">What differs from the last good run</a>",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let json = site.get(&format!("{}.json", address(flow))).await.json();
    assert_eq!(json["failing"]["failures"], 2);
    assert_eq!(json["failing"]["lastGood"]["displayName"], "Nightly 38");
    assert_eq!(json["error"]["code"], "sourceUnreachable");
}

#[tokio::test]
async fn the_last_good_run_is_found_before_all_charted_runs() {
    let (store, site) = recorded();
    let flow = site.flow("Rosters").await;
    daily_runs(&site, flow, 60, |days_ago| {
        if days_ago < 55 { Outcome::Failed } else { Outcome::CompletedWithWarnings }
    })
    .await;
    store.take_calls();
    let page = site.get(&format!("{}?last=50", address(flow))).await.ok();
    assert!(page.contains("At least the newest 50 runs failed"), "{page}");
    assert!(page.contains("<bdi>Nightly 5</bdi></a>"), "{page}");
    assert!(store.take_calls().len() <= 7);
}

#[tokio::test]
async fn a_flow_that_recovered_has_no_notice_and_one_with_dropped_records_a_milder_one() {
    let site = Site::new();
    let flow = site.flow("Rosters").await;
    daily_runs(&site, flow, 9, |days_ago| match days_ago {
        1 => Outcome::Failed,
        _ => Outcome::Completed,
    })
    .await;
    assert!(!site.get(&address(flow)).await.ok().contains("class=\"note"));
    let other = site.flow("Guardians").await;
    daily_runs(&site, other, 9, |_| Outcome::CompletedWithErrors).await;
    let page = site.get(&address(other)).await.ok();
    assert!(page.contains("The newest run completed with errors"), "{page}");
}

#[tokio::test]
async fn late_and_stale_are_explained_in_words() {
    let site = Site::new();
    let flow = site.flow("Rosters").await;
    daily_runs(&site, flow, 20, |_| Outcome::Completed).await;
    let stale = site.flow("Photos").await;
    daily_runs(&site, stale, 20, |_| Outcome::Completed).await;
    site.run(stale, 21, ("2026-11-27T10:42:05Z", None)).await;
    let page = site.get(&address(stale)).await.ok();
    assert!(page.contains("may be stale: running for 9 h, usually 30 min 00 s"), "{page}");
    site.clock.set(time("2026-11-30T03:00:00Z"));
    let visitor =
        Visitor { expires_at: time("2026-12-01T00:00:00Z"), ..site.visitor(Permission::ReadRuns) };
    let page = site.get_as(&visitor, &address(flow)).await.ok();
    assert!(page.contains("late: usually every 24 h; last started 3 days ago"), "{page}");
}

#[tokio::test]
async fn durations_are_drawn_as_dots_with_links_and_statistics_as_bars() {
    let site = Site::new();
    let flow = site.flow("Rosters").await;
    daily_runs(&site, flow, 120, two_failures).await;
    let page = site.get(&address(flow)).await.ok();
    assert_eq!(page.matches("<path class=\"dot ").count(), 100);
    assert_eq!(page.matches("<path class=\"dot fail\"").count(), 2);
    for part in [
        "preserveAspectRatio=\"none\"",
        "class=\"band\"",
        "class=\"median\"",
        "last 100 runs, oldest left",
        "the median, 30 min 00 s",
        "<bdi>records/read</bdi>",
        "<bdi>records/rejected</bdi>",
        "<bdi>source/pages</bdi>",
        "last <b>30,000</b> · median 49,003",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let few = site.get(&format!("{}?last=50&chart=source/pages", address(flow))).await.ok();
    assert_eq!(few.matches("<path class=\"dot ").count(), 50);
    assert_eq!(few.matches("class=\"f-vol\"").count(), 1);
}

#[tokio::test]
async fn the_list_is_filtered_by_links_and_a_form_and_walks_by_key() {
    let site = Site::new();
    let flow = site.flow("Rosters").await;
    daily_runs(&site, flow, 120, two_failures).await;
    let listed = async |address: &str| {
        let json = site.get(address).await.json();
        let runs = json["runs"].as_array().cloned().unwrap_or_default();
        let names: Vec<String> = runs
            .iter()
            .map(|run| run["displayName"].as_str().unwrap_or_default().to_owned())
            .collect();
        (names, json["next"].as_str().map(str::to_owned))
    };
    let with = |query: &str| format!("{}.json?{query}", address(flow));
    let (failed, next) = listed(&with("status=failed")).await;
    assert_eq!((failed, next), (vec!["Nightly 120".to_owned(), "Nightly 119".to_owned()], None));
    let (from, _) = listed(&with("from=2026-11-20T00:00&to=2026-11-22T00:00")).await;
    assert_eq!(from, ["Nightly 114", "Nightly 113"]);
    let (named, _) = listed(&with("name=Nightly+7&order=name")).await;
    assert_eq!(named.first().map(String::as_str), Some("Nightly 7"));
    assert_eq!(named.len(), 11);
    for order in ["newest", "oldest", "ended", "name"] {
        let mut seen = Vec::new();
        let mut next = Some(with(&format!("order={order}")));
        while let Some(page) = next {
            let (names, following) = listed(&page).await;
            seen.extend(names);
            next = following;
        }
        let count = seen.len();
        seen.sort();
        seen.dedup();
        assert_eq!((seen.len(), count), (120, 120), "{order}");
    }
    let page = site.get(&format!("{}?status=failed&last=50", address(flow))).await.ok();
    for part in [
        "<input type=\"hidden\" name=\"status\" value=\"failed\">",
        "?last=50\">Clear</a>",
        "status=failed,completed&amp;last=50",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

#[tokio::test]
async fn unknown_parameters_and_flows_are_pages_that_say_what_to_do() {
    let site = Site::new();
    let flow = site.flow("Rosters").await;
    let shown = site.get(&format!("{}?status=succeeded&last=50", address(flow))).await;
    assert_eq!(shown.status, StatusCode::BAD_REQUEST);
    assert!(shown.body.contains(&format!("href=\"{}?last=50\"", address(flow))), "{}", shown.body);
    let other = site.visitor_of(fresh_tenant(), Permission::WriteFlows);
    let unknown = format!("/ui/flows/{}", fixtures::fresh_uuid());
    for (visitor, address) in [
        (&other, address(flow)),
        (&site.visitor(Permission::ReadRuns), unknown),
        (&site.visitor(Permission::ReadRuns), "/ui/flows/nothing".to_owned()),
    ] {
        let shown = site.get_as(visitor, &address).await;
        assert_eq!(shown.status, StatusCode::NOT_FOUND, "{address}");
        assert!(shown.body.contains("There is no such flow"), "{}", shown.body);
        assert!(!shown.body.contains("Rosters"), "{}", shown.body);
    }
}

#[tokio::test]
async fn hostile_names_errors_and_members_are_shown_as_text() {
    let site = Site::new();
    let hostile = "<script>alert(1)</script>\"'\u{202e}gnp";
    let flow = site.flow(hostile).await;
    let member = serde_json::to_string(hostile).expect("JSON");
    let new = NewRun {
        display_name: name(hostile),
        end: Some(time("2026-11-27T02:30:00Z")),
        status: RunStatus::Ended(Outcome::Failed),
        blocking_error: Some(error_patch(&format!(r#"{{"code":{member},"message":{member}}}"#))),
        statistics: object(&format!(r#"{{{member}:{{"a,b/c~":1}},"rows":2}}"#)),
        ..fixtures::new_run()
    };
    site.run_of(flow, 1, new).await;
    let page = site.get(&address(flow)).await.ok();
    assert!(!page.contains("<script>alert"), "{page}");
    assert!(
        page.contains("<bdi>&lt;script&gt;alert(1)&lt;/script&gt;&quot;'\u{202e}gnp"),
        "{page}"
    );
    let start = page.find("chart=").expect("a link that charts the member");
    let link: String = page[start..].chars().take_while(|character| *character != '"').collect();
    let link = link.replace("&amp;", "&");
    let charted = site.get(&format!("{}?{link}", address(flow))).await;
    assert_eq!(charted.status, StatusCode::OK, "{link}");
}

#[tokio::test]
async fn a_full_page_is_small_and_made_with_few_statements() {
    let (store, site) = recorded();
    let flow = site.flow("Rosters").await;
    daily_runs(&site, flow, 230, |days_ago| match days_ago % 10 {
        0 | 1 => Outcome::Failed,
        2 => Outcome::CompletedWithWarnings,
        _ => Outcome::Completed,
    })
    .await;
    for query in ["", "?last=50", "?last=200", "?status=failed", "?last=200&order=name&name=N"] {
        store.take_calls();
        let shown = compressed(&site, &format!("{}{query}", address(flow))).await;
        assert_eq!(shown.status, StatusCode::OK);
        assert!(store.take_calls().len() <= 7, "{query}");
        assert!(shown.bytes.len() <= 20 * 1024, "{query}: {} bytes", shown.bytes.len());
    }
}

#[tokio::test]
async fn thousands_of_members_of_statistics_neither_fill_the_page_nor_its_charts() {
    let (store, site) = recorded();
    let flow = site.flow("Rosters").await;
    for number in 1..=12 {
        let members: Vec<String> =
            (0..4000).map(|member| format!(r#""m{member:05}":{number}"#)).collect();
        let new = NewRun {
            statistics: object(&format!("{{{}}}", members.join(","))),
            ..fixtures::new_run()
        };
        site.run_of(flow, number, new).await;
    }
    store.take_calls();
    let shown = compressed(&site, &address(flow)).await;
    assert!(store.take_calls().len() <= 7);
    assert_eq!(shown.status, StatusCode::OK);
    assert!(shown.bytes.len() <= 20 * 1024, "{} bytes", shown.bytes.len());
    assert_eq!(shown.body.matches("class=\"f-vol\"").count(), 3);
}
