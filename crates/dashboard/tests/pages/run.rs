//! The page of a run.

use axum::http::StatusCode;
use flowruns_domain::{
    id::RunKey,
    run::{NewRun, Outcome, RunPatch, RunStatus},
    store::RunStore as _,
    version::IfMatch,
};
use flowruns_http::auth::Permission;
use flowruns_testing::fixtures::{
    self, counted, ended, error_patch, fresh_tenant, name, object, origin_at, report, time,
};

use crate::{
    flow::{compressed, daily_runs, recorded, two_failures},
    harness::Site,
};

pub(crate) fn address(run: RunKey) -> String {
    format!("/ui/flows/{}/runs/{}", run.flow, run.run)
}

/// Reports of a run that was created.
pub(crate) async fn patch(site: &Site, run: RunKey, at: &str, patch: RunPatch) {
    let origin = origin_at(time(at));
    let decide = report(move |run| run.decide(&patch, &IfMatch::Absent, &origin));
    site.store.update_run(run, decide).await.expect("a store in memory").expect("the run");
}

#[tokio::test]
async fn a_failed_run_says_what_failed_since_when_and_how_it_differs_from_the_last_good_one() {
    let (store, site) = recorded();
    let flow = site.flow("Rosters").await;
    daily_runs(&site, flow, 40, two_failures).await;
    let run = fixtures::run_key(flow, 40);
    store.take_calls();
    let page = site.get(&address(run)).await.ok();
    assert!(store.take_calls().len() <= 7);
    for part in [
        "<title>failed: Nightly 40 · flowruns</title>",
        "The run could not be completed.",
        "37 % of the usual 30 min 00 s",
        "<b>Failed 2 times in a row</b>, since",
        "2026-11-26 02:00:00</time>.",
        "<bdi>Nightly 38</bdi></a>, completed.",
        "Different from the last good run:",
        "<bdi>records/read</bdi></a> <b><bdi>30,000</bdi></b> instead of <bdi>49,003</bdi>",
        "(−38.8 %)",
        "unusual, usually 49,002.5",
        "<code><bdi>sourceUnreachable</bdi></code>",
        "The same code in 1 of the 20 runs before.",
        "<p class=\"msg\" dir=\"auto\">Skyward closed the connection</p>",
        "beside the last good run, ",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("End as failed"), "{page}");
    let before = address(fixtures::run_key(flow, 39));
    assert!(page.contains(&format!("rel=\"prev\" href=\"{before}\"")), "{page}");
    let json = site.get(&format!("{}.json", address(run))).await.json();
    assert_eq!(json["run"]["status"], "failed");
    assert_eq!(json["failing"]["failures"], 2);
    assert_eq!(json["comparedWith"]["displayName"], "Nightly 38");
    assert_eq!(json["history"][0]["action"], "created");
}

#[tokio::test]
async fn the_statistics_stand_beside_those_of_the_run_that_the_address_names() {
    let (store, site) = recorded();
    let flow = site.flow("Rosters").await;
    daily_runs(&site, flow, 60, two_failures).await;
    let run = fixtures::run_key(flow, 60);
    let oldest = fixtures::run_key(flow, 1).run;
    for (query, compared) in [
        (String::new(), "Nightly 58"),
        ("?against=before".to_owned(), "Nightly 59"),
        ("?against=completed&only=differences".to_owned(), "Nightly 58"),
        (format!("?against={oldest}&history=1"), "Nightly 1"),
    ] {
        store.take_calls();
        let json = site.get(&format!("{}.json{query}", address(run))).await.json();
        assert!(store.take_calls().len() <= 7, "{query}");
        assert_eq!(json["comparedWith"]["displayName"], compared, "{query}");
    }
    let only = site.get(&format!("{}?only=differences", address(run))).await.ok();
    assert!(!only.contains("id=\"s-source-pages\""), "{only}");
    assert!(only.contains("id=\"s-records-read\""), "{only}");
    let unknown = format!("{}?against={}", address(run), fixtures::fresh_uuid());
    let shown = site.get(&unknown).await;
    assert_eq!(shown.status, StatusCode::NOT_FOUND);
    assert!(shown.body.contains(&format!("href=\"{}\"", address(run))), "{}", shown.body);
    let title = "<h1>The run to compare with is not one of this flow</h1>";
    assert!(shown.body.contains(title), "{}", shown.body);
}

#[tokio::test]
async fn a_run_with_warnings_is_compared_with_the_run_before_and_has_no_notice() {
    let site = Site::new();
    let flow = site.flow("Rosters").await;
    daily_runs(&site, flow, 20, |days_ago| match days_ago {
        0 => Outcome::CompletedWithWarnings,
        _ => Outcome::Completed,
    })
    .await;
    let page = site.get(&address(fixtures::run_key(flow, 20))).await.ok();
    for part in
        ["as usual (30 min 00 s)", "beside the run before, ", "Optional values were dropped"]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("class=\"note"), "{page}");
    let first = site.get(&address(fixtures::run_key(flow, 1))).await.ok();
    assert!(first.contains("no run before it"), "{first}");
    assert!(
        first.contains("<span class=\"btn\" aria-disabled=\"true\">‹ Before</span>"),
        "{first}"
    );
}

#[tokio::test]
async fn a_run_in_progress_shows_its_progress_and_can_be_ended_by_those_who_may_write() {
    let site = Site::new();
    let flow = site.flow("Rosters").await;
    daily_runs(&site, flow, 20, |_| Outcome::Completed).await;
    let run = site.run(flow, 21, ("2026-11-27T10:42:05Z", None)).await;
    let progress = counted(r#"{"progress":{"done":24000,"total":48000}}"#);
    patch(&site, run, "2026-11-27T19:41:50Z", progress).await;
    let page = site.get(&address(run)).await.ok();
    for part in [
        "Running for",
        "usually 30 min 00 s",
        "15 s ago",
        "24,000 of 48,000 · about 8 h left at the last report",
        "This run may be stale.",
        "It has been running for 9 h; nine in ten runs end within 30 min 00 s.",
        "action=\"/ui/end\"",
        "End as failed…",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("class=\"unusual\""), "{page}");
    let reader = site.visitor(Permission::ReadRuns);
    let page = site.get_as(&reader, &address(run)).await.ok();
    assert!(!page.contains("End as failed"), "{page}");
}

#[tokio::test]
async fn the_end_button_leads_to_the_confirmation_of_this_run() {
    let site = Site::new();
    let flow = site.flow("Rosters").await;
    let run = site.run(flow, 1, ("2026-11-27T10:42:05Z", None)).await;
    let page = site.get(&address(run)).await.ok();
    let start = page.find("name=\"run\" value=\"").expect("the field of the run") + 18;
    let chosen: String = page[start..].chars().take_while(|character| *character != '"').collect();
    let visitor = site.visitor(Permission::WriteRuns);
    let shown = site.post_as(&visitor, "/ui/end", &format!("run={chosen}")).await;
    assert_eq!(shown.status, StatusCode::OK, "{}", shown.body);
    assert!(shown.body.contains("Rosters"), "{}", shown.body);
}

#[tokio::test]
async fn the_history_shows_leaves_before_and_after_and_folds_progress() {
    let site = Site::new();
    let flow = site.flow("Rosters").await;
    let run = site.run(flow, 1, ("2026-11-27T02:00:00Z", None)).await;
    for (minute, read) in [(1, 10_000), (2, 20_000), (3, 30_000)] {
        let report = counted(&format!(r#"{{"records":{{"read":{read}}}}}"#));
        patch(&site, run, &format!("2026-11-27T02:{minute:02}:00Z"), report).await;
    }
    patch(&site, run, "2026-11-27T02:11:00Z", ended(Outcome::Failed)).await;
    let page = site.get(&address(run)).await.ok();
    for part in [
        "<li id=\"v1\">",
        "<b>3 progress reports</b>",
        "versions 2 to 4, ",
        "<span id=\"v3\">",
        "<dt><bdi>statistics/records/read</bdi></dt><dd><ins><bdi>30,000</bdi></ins></dd>",
        "<b>Ended: failed</b>",
        "<a class=\"small\" href=\"#v5\">version 5</a>",
        "<del><bdi>running</bdi></del> <ins><bdi>failed</bdi></ins>",
        "<bdi>nightly</bdi> · request",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

#[tokio::test]
async fn a_history_of_ten_thousand_entries_is_shown_in_parts() {
    let (store, site) = recorded();
    let flow = site.flow("Rosters").await;
    let run = site.run(flow, 1, ("2026-11-27T02:00:00Z", None)).await;
    for count in 1..10_000 {
        let report = counted(&format!(r#"{{"rows":{count},"m{}":{count}}}"#, count % 100));
        patch(&site, run, "2026-11-27T02:01:00Z", report).await;
    }
    patch(&site, run, "2026-11-27T02:30:00Z", ended(Outcome::Completed)).await;
    let mut version = None::<i64>;
    let mut pages = 0;
    loop {
        let query = version.map_or_else(String::new, |version| format!("?history={version}"));
        store.take_calls();
        let shown = compressed(&site, &format!("{}{query}", address(run))).await;
        assert!(store.take_calls().len() <= 7, "{query}");
        assert!(shown.bytes.len() <= 20 * 1024, "{query}: {} bytes", shown.bytes.len());
        let json = site.get(&format!("{}.json{query}", address(run))).await.json();
        let history = json["history"].as_array().expect("a history");
        let first = history.first().expect("an entry")["version"].as_i64().expect("a number");
        let last = history.last().expect("an entry")["version"].as_i64().expect("a number");
        assert_eq!(last, version.unwrap_or(10_001));
        pages += 1;
        if pages == 3 {
            break;
        }
        assert!(shown.body.contains(&format!("?history={}\">Older entries", first - 1)));
        version = Some(first - 1);
    }
    let beginning = site.get(&format!("{}?history=from-1", address(run))).await.ok();
    assert!(beginning.contains("<li id=\"v1\">"), "{beginning}");
    assert!(beginning.contains("Newest entries"), "{beginning}");
    assert!(!beginning.contains("Older entries"), "{beginning}");
}

#[tokio::test]
async fn large_statistics_and_errors_fit_into_the_budget() {
    let (store, site) = recorded();
    let flow = site.flow("Rosters").await;
    for number in 1..=15 {
        let members: Vec<String> = (0..4000)
            .map(|member| format!(r#""m{member:04}":{}"#, (member * number * 7919) % 1000))
            .collect();
        let details: Vec<String> = (0..500)
            .map(|detail| format!(r#"{{"code":"row{detail}","message":"{}"}}"#, "x".repeat(50)))
            .collect();
        let error = format!(
            r#"{{"code":"rows","message":"{}","details":[{}]}}"#,
            "long ".repeat(2000),
            details.join(",")
        );
        let new = NewRun {
            start: Some(time(&format!("2026-11-{number:02}T02:00:00Z"))),
            end: Some(time(&format!("2026-11-{number:02}T02:30:00Z"))),
            status: RunStatus::Ended(Outcome::Failed),
            blocking_error: Some(error_patch(&error)),
            statistics: object(&format!("{{{}}}", members.join(","))),
            ..fixtures::new_run()
        };
        site.run_of(flow, number, new).await;
    }
    let run = fixtures::run_key(flow, 15);
    for query in ["", "?against=before", "?against=before&only=differences"] {
        store.take_calls();
        let shown = compressed(&site, &format!("{}{query}", address(run))).await;
        assert!(store.take_calls().len() <= 7);
        assert_eq!(shown.status, StatusCode::OK);
        assert!(shown.bytes.len() <= 20 * 1024, "{query}: {} bytes", shown.bytes.len());
        assert!(shown.body.contains("150 of 4,000 members"), "{query}");
        assert!(shown.body.contains("480 more details"), "{query}");
    }
    let json = site.get(&format!("{}.json", address(run))).await.json();
    let statistics = json["run"]["statistics"].as_object().expect("statistics");
    assert_eq!(statistics.len(), 4000);
}

#[tokio::test]
async fn hostile_values_are_shown_as_text() {
    let site = Site::new();
    let flow = site.flow("Rosters").await;
    let hostile = "<img src=x onerror=alert(1)>\"'\u{202e}";
    let text = serde_json::to_string(hostile).expect("JSON");
    let error = format!(
        r#"{{"code":{text},"message":{text},"target":{text},"details":[{{"code":{text}}},{{}}],"innerError":{{"code":{text},{text}:1}},{text}:{text}}}"#
    );
    let new = NewRun {
        display_name: name(hostile),
        end: Some(time("2026-11-27T02:30:00Z")),
        status: RunStatus::Ended(Outcome::Failed),
        blocking_error: Some(error_patch(&error)),
        statistics: object(&format!(r#"{{{text}:{{{text}:{text}}},"list":[{text}]}}"#)),
        ..fixtures::new_run()
    };
    let run = site.run_of(flow, 1, new).await;
    let page = site.get(&address(run)).await.ok();
    assert!(!page.contains("<img"), "{page}");
    let escaped = "&lt;img src=x onerror=alert(1)&gt;";
    assert!(page.matches(escaped).count() > 10, "{page}");
    let json = page.split("id=\"json\"").nth(1).expect("the JSON of the run");
    assert!(!json.contains('\u{202e}') && json.contains("\\u202e"), "{json}");
}

#[tokio::test]
async fn unknown_parameters_and_runs_are_pages_that_say_what_to_do() {
    let site = Site::new();
    let flow = site.flow("Rosters").await;
    let run = site.run(flow, 1, ("2026-11-27T02:00:00Z", None)).await;
    let shown = site.get(&format!("{}?against=after&only=differences", address(run))).await;
    assert_eq!(shown.status, StatusCode::BAD_REQUEST);
    let without = format!("href=\"{}?only=differences\"", address(run));
    assert!(shown.body.contains(&without), "{}", shown.body);
    let unknown = format!("/ui/flows/{}/runs/{}", flow.flow, fixtures::fresh_uuid());
    let shown = site.get(&unknown).await;
    assert_eq!(shown.status, StatusCode::NOT_FOUND);
    let runs = format!("href=\"/ui/flows/{}\">Runs of this flow</a>", flow.flow);
    assert!(shown.body.contains(&runs), "{}", shown.body);
    let other = site.visitor_of(fresh_tenant(), Permission::WriteFlows);
    let shown = site.get_as(&other, &address(run)).await;
    assert_eq!(shown.status, StatusCode::NOT_FOUND);
    assert!(!shown.body.contains("Rosters"), "{}", shown.body);
    for suffix in ["", ".json"] {
        let other_flow = site.flow("Others").await;
        let address = format!("/ui/flows/{}/runs/{}{suffix}", other_flow.flow, run.run);
        assert_eq!(site.get(&address).await.status, StatusCode::NOT_FOUND);
    }
}
