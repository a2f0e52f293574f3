//! The timeline.

use std::sync::Arc;

use axum::http::{HeaderValue, Method, StatusCode, header};
use flowruns_domain::{
    id::FlowKey,
    run::{NewRun, Outcome},
};
use flowruns_http::{Limits, auth::Permission};
use flowruns_testing::{
    MemoryStore,
    fixtures::{name, new_run, time},
};

use crate::{
    harness::Site,
    recording::RecordingStore,
    runs::{ESCAPED, HOSTILE},
};

async fn ended(site: &Site, flow: FlowKey, number: u64, outcome: Outcome, hours: (&str, &str)) {
    let start = format!("2026-11-27T{}Z", hours.0);
    let end = format!("2026-11-27T{}Z", hours.1);
    site.run(flow, number, (&start, Some((outcome, &end)))).await;
}

#[tokio::test]
async fn without_flows_the_page_leads_to_the_first_report() {
    let site = Site::new();
    let page = site.get("/ui/timeline").await.ok();
    assert!(page.contains("No flows yet. <a href=\"/ui/report\">"), "{page}");
    let json = site.get("/ui/timeline.json").await.json();
    assert_eq!(json["from"], "2026-11-26T20:00:00Z");
    assert_eq!(json["to"], "2026-11-27T20:00:00Z");
    assert_eq!(json["flows"], serde_json::json!([]));
}

#[tokio::test]
async fn each_flow_is_a_lane_with_a_bar_for_each_run() {
    let site = Site::new();
    let flow = site.flow("Attendance codes").await;
    let quiet = site.flow("Zones").await;
    ended(&site, flow, 1, Outcome::Completed, ("00:00:00", "01:00:00")).await;
    ended(&site, flow, 2, Outcome::CompletedWithWarnings, ("02:00:00", "03:00:00")).await;
    ended(&site, flow, 3, Outcome::CompletedWithErrors, ("04:00:00", "05:00:00")).await;
    ended(&site, flow, 4, Outcome::Failed, ("06:00:00", "06:30:00")).await;
    let running = site.run(flow, 5, ("2026-11-27T18:42:05Z", None)).await;
    let page = site.get("/ui/timeline").await.ok();
    for part in [
        // A minute is one unit; the left edge is 20:00 of the day before.
        "<rect class=\"bar-ok\" x=\"240\" y=\"21\" width=\"60\" height=\"10\"></rect>",
        "<rect class=\"bar-warn\" x=\"360\" y=\"21\" width=\"60\" height=\"10\"></rect>",
        "<path class=\"dot warn\" d=\"M390,",
        "<rect class=\"bar-err\" x=\"480\"",
        "<rect class=\"bar-fail\" x=\"600\" y=\"4\" width=\"30\" height=\"27\"></rect>",
        "<rect class=\"bar-run\" x=\"1362.1\"",
        "<path class=\"now\" d=\"M1423,0V34\"></path>",
        "<title>failed, 2026-11-27 06:00:00 UTC, 30 min 00 s</title>",
        "1 completed, 1 completed with warnings, 1 completed with errors, 1 failed, 1 running",
        "no runs",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let address =
        format!("<a href=\"/ui/flows/{}/runs/{}\" tabindex=\"-1\">", flow.flow, running.run);
    assert!(page.contains(&address), "{page}");
    let json = site.get("/ui/timeline.json").await.json();
    assert_eq!(json["flows"][0]["id"], flow.flow.to_string());
    assert_eq!(json["flows"][0]["runs"].as_array().map(Vec::len), Some(5));
    assert_eq!(json["flows"][1]["id"], quiet.flow.to_string());
    assert_eq!(json["completeFrom"], serde_json::Value::Null);
}

#[tokio::test]
async fn a_run_that_began_before_the_window_is_shown_while_it_lasts() {
    let site = Site::new();
    let flow = site.flow("Rosters").await;
    let long = site.run(flow, 1, ("2026-11-01T00:00:00Z", None)).await;
    let over = Some((Outcome::Completed, "2026-11-26T21:00:00Z"));
    let over = site.run(flow, 2, ("2026-11-26T18:00:00Z", over)).await;
    let earlier = Some((Outcome::Completed, "2026-11-26T19:00:00Z"));
    site.run(flow, 3, ("2026-11-26T18:00:00Z", earlier)).await;
    let json = site.get("/ui/timeline.json").await.json();
    let runs = json["flows"][0]["runs"].as_array().expect("runs");
    let runs: Vec<_> = runs.iter().map(|run| run["id"].as_str().expect("an id")).collect();
    assert_eq!(runs, [long.run.to_string(), over.run.to_string()]);
}

#[tokio::test]
async fn hostile_names_are_shown_as_text() {
    let site = Site::new();
    let flow = site.flow(HOSTILE).await;
    let hostile = NewRun {
        display_name: name(HOSTILE),
        start: Some(time("2026-11-27T18:00:00Z")),
        ..new_run()
    };
    site.run_of(flow, 1, hostile).await;
    let page = site.get("/ui/timeline").await.ok();
    assert!(!page.contains("<b onmouseover"), "{page}");
    assert!(page.contains(ESCAPED), "{page}");
}

#[tokio::test]
async fn the_windows_before_and_after_have_links_that_keep_the_length() {
    let site = Site::new();
    site.flow("Rosters").await;
    let page = site.get("/ui/timeline?hours=6").await.ok();
    assert!(
        page.contains("rel=\"prev\" href=\"/ui/timeline?hours=6&amp;to=2026-11-27T14:00:00Z\"")
    );
    assert!(page.contains("<span class=\"btn\" aria-disabled=\"true\">Later ›</span>"), "{page}");
    let page = site.get("/ui/timeline?hours=6&to=2026-11-27T08:00:00Z").await.ok();
    assert!(
        page.contains("rel=\"next\" href=\"/ui/timeline?hours=6&amp;to=2026-11-27T14:00:00Z\"")
    );
    assert!(page.contains("href=\"/ui/timeline?hours=72&amp;to=2026-11-27T08:00:00Z\""), "{page}");
    assert!(!page.contains("class=\"now\""), "now is not in this window");
    assert!(page.contains(">2026-11-27 02:00:00</time> to <time"), "{page}");
    let page = site.get("/ui/timeline?hours=6&to=2026-11-27T14:00:00Z").await.ok();
    assert!(page.contains("rel=\"next\" href=\"/ui/timeline?hours=6\""), "{page}");
}

#[tokio::test]
async fn malformed_parameters_are_400() {
    let site = Site::new();
    for query in ["hours=7", "to=now", "after=x", "from=2026-11-27T08:00:00Z"] {
        for path in ["/ui/timeline", "/ui/timeline.json"] {
            let shown = site.get(&format!("{path}?{query}")).await;
            assert_eq!(shown.status, StatusCode::BAD_REQUEST, "{path}?{query}");
        }
    }
}

#[tokio::test]
async fn the_pages_of_flows_show_every_flow_once() {
    let site = Site::new();
    for number in 0..60 {
        site.flow(&format!("Flow {number:02} & <more>")).await;
    }
    let (mut address, mut shown) = ("/ui/timeline.json?hours=6".to_owned(), Vec::new());
    loop {
        let json = site.get(&address).await.json();
        let flows = json["flows"].as_array().expect("flows").clone();
        shown.extend(flows.iter().map(|flow| flow["displayName"].as_str().unwrap().to_owned()));
        let Some(next) = json["next"].as_str() else { break };
        assert!(next.starts_with("/ui/timeline.json?hours=6&after="), "{next}");
        next.clone_into(&mut address);
    }
    let expected: Vec<_> = (0..60).map(|number| format!("Flow {number:02} & <more>")).collect();
    assert_eq!(shown, expected);
    let page = site.get("/ui/timeline?hours=6").await.ok();
    assert!(page.contains(">More flows</a>"), "{page}");
}

#[tokio::test]
async fn many_runs_share_bars_and_the_page_stays_small() {
    let rows = Arc::new(MemoryStore::default());
    let store = Arc::new(RecordingStore::new(Arc::clone(&rows)));
    let site = Site::on(rows, Arc::clone(&store) as _, Limits::default());
    for number in 0..25 {
        let flow = site.flow(&format!("Flow {number:02}")).await;
        for minute in (0..1140).step_by(10) {
            let start = format!("2026-11-27T{:02}:{:02}:00Z", minute / 60, minute % 60);
            let end = format!("2026-11-27T{:02}:{:02}:30Z", minute / 60, minute % 60);
            let outcome = match minute {
                600 => Outcome::Failed,
                _ => Outcome::Completed,
            };
            site.run(flow, minute + 1, (&start, Some((outcome, &end)))).await;
        }
    }
    store.take_calls();
    let visitor = site.visitor(Permission::WriteRuns);
    let mut request = site.request(Method::GET, &visitor, "/ui/timeline");
    request.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    let shown = site.send(request).await;
    assert!(shown.bytes.len() < 20 * 1024, "{} bytes", shown.bytes.len());
    let bars = shown.body.matches("tabindex=\"-1\"><").count();
    assert!((25 * 8..=400).contains(&bars), "{bars} bars");
    assert_eq!(shown.body.matches("<rect class=\"bar-fail\"").count(), 25, "no failure is hidden");
    assert!(shown.body.contains("113 completed, 1 failed"));
    // A bar of several runs leads to them, and that of one run to it.
    let link = |class: &str| {
        let link = shown.body.split("<a href=\"").find(|rest| rest.contains(class));
        link.and_then(|rest| rest.split('"').next()).expect("a link").to_owned()
    };
    let several = link("bar-ok");
    assert!(several.contains("?from=2026-11-27T") && several.contains("&amp;to=2026-11-27T"));
    let failed = link("bar-fail");
    assert!(failed.contains("/runs/") && !failed.contains('?'), "{failed}");
    assert_eq!(store.take_calls(), ["query_flows", "runs_in_window"]);
}

/// The past is read like the present: each flow by itself, however many runs the others have.
#[tokio::test]
async fn a_window_in_the_past_has_the_runs_that_lasted_into_it() {
    let site = Site::new();
    let flow = site.flow("Rosters").await;
    let of_days = |days: (&str, &str)| {
        (format!("2026-11-{}T00:00:00Z", days.0), format!("2026-11-{}T00:00:00Z", days.1))
    };
    // A week, ended in the window; and longer than the window.
    for (number, days) in [(1, ("01", "08")), (2, ("02", "20")), (3, ("03", "06"))] {
        let (start, end) = of_days(days);
        site.run(flow, number, (&start, Some((Outcome::Failed, &end)))).await;
    }
    let busy = site.flow("Busy").await;
    for number in 0..290 {
        let start = format!("2026-11-07T{:02}:{:02}:00Z", number / 60, number % 60);
        site.run(busy, number + 10, (&start, Some((Outcome::Completed, &start)))).await;
    }
    let address = "/ui/timeline.json?hours=24&to=2026-11-08T12:00:00Z";
    let json = site.get(address).await.json();
    assert_eq!(json["completeFrom"], serde_json::Value::Null);
    let starts = |flow: usize| {
        let runs = json["flows"][flow]["runs"].as_array().expect("runs").iter();
        runs.map(|run| run["startDateTime"].as_str().expect("a time").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(starts(1), ["2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z"]);
    let page = site.get("/ui/timeline?hours=24&to=2026-11-08T12:00:00Z").await.ok();
    assert!(
        page.contains(
            "A run that lasted longer than the window is shown if it is one of the last 50"
        )
    );
    let page = site.get("/ui/timeline").await.ok();
    assert!(
        !page.contains("A run that lasted longer"),
        "those are in progress, or ended in the window"
    );
}

#[tokio::test]
async fn the_page_says_which_runs_it_leaves_out() {
    let site = Site::new();
    let flow = site.flow("Rosters").await;
    let rare = site.flow("Rare").await;
    ended(&site, rare, 1, Outcome::Failed, ("00:01:00", "00:02:00")).await;
    for number in 0..400 {
        let second = number * 140;
        let start =
            format!("2026-11-27T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60);
        let end = Some((Outcome::Completed, "2026-11-27T19:00:00Z"));
        site.run(flow, number + 2, (&start, end)).await;
    }
    let page = site.get("/ui/timeline").await.ok();
    assert!(
        page.contains(
            "Of some flows more than 300 runs started in this window: of those that started before"
        ),
        "{page}"
    );
    assert_eq!(page.matches("<rect class=\"unknown\"").count(), 1, "{page}");
    assert!(page.contains("<rect class=\"bar-fail\""), "the runs of a rare flow are known");
    let json = site.get("/ui/timeline.json").await.json();
    assert_eq!(json["flows"][1]["runs"].as_array().map(Vec::len), Some(300));
    assert_eq!(json["completeFrom"], json["flows"][1]["runs"][0]["startDateTime"]);
    let past = site.get("/ui/timeline.json?to=2026-11-27T19:00:00Z").await.json();
    assert_eq!(past["completeFrom"], json["completeFrom"]);
    assert_eq!(past["flows"][0]["completeFrom"], serde_json::Value::Null, "the rare one");
    assert_eq!(past["flows"][1]["completeFrom"], json["completeFrom"]);
}

#[tokio::test]
async fn the_page_says_why_runs_that_started_before_the_window_are_missing() {
    let end = Some((Outcome::Completed, "2026-11-27T03:00:00Z"));
    for (runs, end, sentence) in [
        (301, end, "Of some flows more than 300 runs ended in this window: of those that started"),
        (51, None, "Of some flows more than 50 runs are in progress that started before "),
    ] {
        let site = Site::new();
        let flow = site.flow("Rosters").await;
        site.flow("Zones").await;
        for number in 1..runs {
            site.run(flow, number, ("2026-11-26T19:00:00Z", end)).await;
        }
        let page = site.get("/ui/timeline").await.ok();
        assert!(!page.contains("Of some flows"), "{page}");
        site.run(flow, runs, ("2026-11-26T19:00:00Z", end)).await;
        let page = site.get("/ui/timeline").await.ok();
        assert!(page.contains(sentence), "{sentence}: {page}");
        assert_eq!(page.matches("Of some flows").count(), 1);
        let json = site.get("/ui/timeline.json").await.json();
        assert_eq!(json["flows"][0]["completeFrom"], json["from"]);
        assert_eq!(json["flows"][1]["completeFrom"], serde_json::Value::Null);
    }
}

#[tokio::test]
async fn the_axis_names_the_days_of_a_window_that_has_several() {
    let site = Site::new();
    site.flow("Rosters").await;
    let label = "data-time=\"day\" title=\"2026-11-26 20:00:00 UTC\">2026-11-26</time> <time";
    for (hours, has_days) in [(6, false), (24, true), (72, true)] {
        let page = site.get(&format!("/ui/timeline?hours={hours}")).await.ok();
        let axis = page.split("<div class=\"axis").nth(1).expect("an axis");
        let axis = axis.split("</div>").next().unwrap_or_default();
        assert_eq!(axis.contains("data-time=\"day\""), has_days, "{axis}");
        assert!(axis.contains("data-time=\"clock\""), "{axis}");
        assert_eq!(axis.contains(label), has_days, "{axis}");
    }
}
