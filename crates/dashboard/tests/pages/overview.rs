//! The overview.

use chrono::TimeDelta;
use flowruns_domain::{
    flow::ReadinessStatus,
    id::{FlowKey, RunId},
    run::{NewRun, Outcome, RunStatus},
    timestamp::Timestamp,
};
use flowruns_http::auth::Permission;
use flowruns_testing::fixtures::{self, fresh_tenant, time};

use crate::{
    harness::{NOW, Site, shapes},
    run::patch,
};

const HOSTILE: &str = "</title><img src=x onerror=alert(1)>\"'&\u{202e}fdp.exe";

fn earlier(minutes: i64) -> Timestamp {
    Timestamp::new(time(NOW).date_time() - TimeDelta::minutes(minutes)).expect("a time")
}

impl Site {
    /// Runs of a flow that took five minutes each: one each day at the same time, the newest first, the last one `first` minutes
    /// ago.
    async fn daily(&self, flow: FlowKey, first: i64, outcomes: &[Outcome]) {
        for (number, outcome) in (0..).zip(outcomes) {
            let start = earlier(first + number * 24 * 60);
            let end = Timestamp::new(start.date_time() + TimeDelta::minutes(5)).expect("a time");
            let new = NewRun {
                start: Some(start),
                end: Some(end),
                status: RunStatus::Ended(*outcome),
                ..fixtures::new_run()
            };
            let number = u64::try_from(number).expect("a number") + 1;
            self.run_of(flow, number, new).await;
        }
    }

    async fn running(&self, flow: FlowKey, minutes: i64) {
        let new = NewRun { start: Some(earlier(minutes)), ..fixtures::new_run() };
        self.run_of(flow, 1000, new).await;
    }
}

/// The row of a flow.
fn row(page: &str, flow: FlowKey) -> &str {
    let id = format!("id=\"flow-{}\"", flow.flow);
    let rest = page.split(&id).nth(1).expect("the row of the flow");
    rest.split("</tr>").next().unwrap_or_default()
}

/// The number of a tile.
fn tile<'a>(page: &'a str, label: &str) -> &'a str {
    let before = page.split(&format!("<span class=\"label\">{label}</span>")).next();
    let number = before.and_then(|before| before.rsplit("<b>").next()).unwrap_or_default();
    number.split("</b>").next().unwrap_or_default()
}

#[tokio::test]
async fn without_flows_the_page_leads_to_the_first_steps() {
    let page = Site::new().get("/ui").await.ok();
    assert!(page.contains("There are no flows yet. <a href=\"/ui/report\">"), "{page}");
    for label in ["running now", "failed, last 24 h", "flows are late"] {
        assert_eq!(tile(&page, label), "0", "{label}");
    }
}

#[tokio::test]
async fn a_flow_shows_its_last_runs_its_habit_and_how_it_ended() {
    let site = Site::new();
    let flow = site.flow("Rosters").await;
    let mut outcomes = [Outcome::Completed; 20];
    outcomes[0] = Outcome::Failed;
    site.daily(flow, 180, &outcomes).await;
    site.running(flow, 7).await;
    let page = site.get("/ui").await.ok();
    let row = row(&page, flow);
    for part in [
        &format!("<a class=\"name\" href=\"/ui/flows/{}\"><bdi>Rosters</bdi></a>", flow.flow),
        "daily",
        "Last 21 runs: 19 completed, 1 failed, 1 running.",
        "2 h ago",
        "5 min 00 s",
        "95 %",
        "19 of 20",
        "data-ticks=\"for\">7 min 00 s</time>",
        "class=\"spark\"",
        "completed, 2026-11-26 16:42 UTC, 5 min",
    ] {
        assert!(row.contains(part), "{part}: {row}");
    }
    let found = ["f-ok", "f-fail", "s-run", "f-none"].map(|class| shapes(row, class));
    assert_eq!(found, [19, 1, 1, 29]);
    assert_eq!(tile(&page, "running now"), "1");
    assert_eq!(tile(&page, "failed, last 24 h"), "1");
    assert!(page.contains("<title>1 failed · Flows · flowruns</title>"), "{page}");
}

#[tokio::test]
async fn a_flow_without_runs_says_so() {
    let site = Site::new();
    let not_ready = |flow: &mut flowruns_domain::flow::Flow| {
        flow.properties.readiness_status = ReadinessStatus::NotReady;
    };
    let flow = site.flow_with("Summer school", not_ready).await;
    let page = site.get("/ui").await.ok();
    for part in ["never ran", "readiness: notReady", "No runs yet."] {
        assert!(row(&page, flow).contains(part), "{part}");
    }
}

#[tokio::test]
async fn late_and_stale_flows_are_marked_counted_and_can_be_chosen() {
    let site = Site::new();
    let (late, stale, fine) =
        (site.flow("A late one").await, site.flow("A stale one").await, site.flow("Fine").await);
    let completed = [Outcome::Completed; 8];
    site.daily(late, 60 * 60, &completed).await;
    site.daily(stale, 24 * 60, &completed).await;
    site.running(stale, 9 * 60).await;
    site.daily(fine, 180, &completed).await;
    let page = site.get("/ui").await.ok();
    assert!(row(&page, late).contains("late: no run for 2 days, usually daily"));
    assert!(row(&page, stale).contains("may be stale: running for 9 h, usually 5 min 00 s"));
    assert!(!row(&page, fine).contains("class=\"mark\""));
    assert_eq!((tile(&page, "flow is late"), tile(&page, "flow may be stale")), ("1", "1"));
    for (show, flows) in [
        ("late", vec![late]),
        ("stale", vec![stale]),
        ("attention", vec![late, stale]),
        ("running", vec![stale]),
    ] {
        let json = site.get(&format!("/ui.json?show={show}")).await.json();
        let found = json["flows"].as_array().expect("flows").iter();
        let ids: Vec<_> = found.map(|flow| flow["id"].as_str().unwrap_or_default()).collect();
        let expected: Vec<_> = flows.iter().map(|flow| flow.flow.to_string()).collect();
        assert_eq!(ids, expected, "{show}");
    }
}

#[tokio::test]
async fn a_failed_flow_is_chosen_until_a_run_completes() {
    let site = Site::new();
    let flow = site.flow("Rosters").await;
    site.daily(flow, 24 * 60, &[Outcome::CompletedWithErrors]).await;
    let chosen = site.get("/ui?show=attention").await.ok();
    assert!(row(&chosen, flow).contains("completed with errors"));
    site.clock.advance(std::time::Duration::from_secs(60));
    let start = earlier(10).to_string();
    site.run(flow, 77, (&start, Some((Outcome::Completed, &earlier(5).to_string())))).await;
    let page = site.get("/ui?show=attention").await.ok();
    assert!(page.contains("No flow matches."), "{page}");
}

#[tokio::test]
async fn people_who_may_write_choose_stale_runs_in_their_list() {
    let site = Site::new();
    let flow = site.flow("A stale one").await;
    site.daily(flow, 24 * 60, &[Outcome::Completed; 20]).await;
    site.running(flow, 9 * 60).await;
    let run = fixtures::run_key(flow, 1000).run;
    let writer = site.visitor(Permission::WriteRuns);
    let list = site.get_as(&writer, "/ui?show=stale").await.ok();
    let chosen = format!("name=\"run\" value=\"{}.{run}.1\" form=\"end-form\"", flow.flow);
    assert!(row(&list, flow).contains(&chosen), "{list}");
    assert!(list.contains("id=\"end-form\" method=\"post\" action=\"/ui/end\">"), "{list}");
    let reader = site.visitor(Permission::ReadRuns);
    for (visitor, address) in [(&writer, "/ui"), (&reader, "/ui?show=stale")] {
        let page = site.get_as(visitor, address).await.ok();
        assert!(page.contains("may be stale"), "{page}");
        assert!(!page.contains("checkbox") && !page.contains("/ui/end"), "{address}: {page}");
    }
    patch(&site, fixtures::run_key(flow, 1000), NOW, fixtures::ended(Outcome::Failed)).await;
    let list = site.get_as(&writer, "/ui?show=stale").await.ok();
    assert!(!list.contains("<tr class=\"pick"), "{list}");
}

#[tokio::test]
async fn pages_follow_each_other_and_the_tiles_cover_all_flows() {
    let site = Site::new();
    for number in 0..7 {
        let flow = site.flow(&format!("Flow {number}")).await;
        site.running(flow, 1).await;
    }
    let mut address = "/ui?size=3".to_owned();
    let mut names = Vec::new();
    loop {
        let page = site.get(&address).await.ok();
        assert_eq!(tile(&page, "running now"), "7");
        assert!(page.contains("<span>7 flows</span>"), "{page}");
        let json = site.get(&address.replacen("/ui", "/ui.json", 1)).await.json();
        let flows = json["flows"].as_array().expect("flows");
        names.extend(flows.iter().map(|flow| flow["name"].as_str().unwrap_or_default().to_owned()));
        match json["next"].as_str() {
            Some(next) => address = next.replacen("/ui.json", "/ui", 1),
            None => break,
        }
    }
    assert_eq!(names, (0..7).map(|number| format!("Flow {number}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_beginning_of_names_is_text_and_kept_by_the_choices() {
    let site = Site::new();
    site.flow("Roster A").await;
    site.flow("Meals").await;
    let page = site.get("/ui?name=Ro").await.ok();
    assert!(page.contains("Roster A") && !page.contains("Meals"), "{page}");
    assert!(page.contains("href=\"/ui?show=late&amp;name=Ro\""), "{page}");
    let page = site.get("/ui?name=%22%3E%3Cimg%20src%3Dx%3E").await.ok();
    assert!(page.contains("value=\"&quot;&gt;&lt;img src=x&gt;\""), "{page}");
    assert!(!page.contains("<img"), "{page}");
    assert!(page.contains("No flow has a name that begins with"), "{page}");
}

#[tokio::test]
async fn a_tenant_with_many_flows_gets_pages_and_is_told_what_is_known() {
    let site = Site::new();
    for number in 0..230 {
        let flow = site.flow(&format!("Flow {number:03}")).await;
        if number == 229 {
            site.running(flow, 1).await;
        }
        if number == 228 {
            site.daily(flow, 180, &[Outcome::Failed]).await;
        }
    }
    let page = site.get("/ui").await.ok();
    assert_eq!(tile(&page, "running now"), "1");
    for part in ["Flow 000", "Flow 024", "more than 200 flows", "known for each page of flows"] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("Flow 025<"), "{page}");
    let json = site.get("/ui.json").await.json();
    let next = json["next"].as_str().expect("a next page");
    assert_eq!(site.get(next).await.json()["flows"][0]["name"], "Flow 025");
    let running = site.get("/ui.json?show=running").await.json();
    assert_eq!(running["flows"][0]["name"], "Flow 229");
    assert_eq!(running["flows"].as_array().map(Vec::len), Some(1));
    let attention = site.get("/ui.json?show=attention").await.json();
    assert_eq!(attention["flows"][0]["name"], "Flow 228");
    assert_eq!(attention["flows"].as_array().map(Vec::len), Some(1));
    let page = site.get("/ui?show=late").await.ok();
    assert!(page.contains("the next page may have some") && page.contains("Next page"), "{page}");
    assert_eq!(tile(&page, "flows are late"), "–");
    let named = site.get("/ui.json?name=Flow%20229").await.json();
    assert_eq!(named["flows"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn hostile_names_are_shown_as_text() {
    let site = Site::new();
    let flow = site.flow(HOSTILE).await;
    site.running(flow, 1).await;
    let page = site.get("/ui").await.ok();
    assert!(!page.contains("<img"), "{page}");
    let escaped =
        "<bdi>&lt;/title&gt;&lt;img src=x onerror=alert(1)&gt;&quot;'&amp;\u{202e}fdp.exe</bdi>";
    assert_eq!(page.matches(escaped).count(), 2, "the row and the tile: {page}");
    let json = site.get("/ui.json").await.json();
    assert_eq!(json["flows"][0]["name"], HOSTILE);
}

#[tokio::test]
async fn another_tenant_sees_nothing() {
    let site = Site::new();
    let flow = site.flow("Rosters").await;
    site.daily(flow, 180, &[Outcome::Failed; 8]).await;
    site.running(flow, 9 * 60).await;
    let other = site.visitor_of(fresh_tenant(), Permission::WriteFlows);
    for address in ["/ui", "/ui?show=running", "/ui?show=late", "/ui?name=R"] {
        let page = site.get_as(&other, address).await.ok();
        assert!(!page.contains("Rosters") && !page.contains(&flow.flow.to_string()), "{page}");
        assert_eq!(tile(&page, "running now"), "0");
        assert_eq!(tile(&page, "failed, last 24 h"), "0");
    }
}

#[tokio::test]
async fn a_person_who_may_only_read_sees_the_same_page_without_buttons_of_changes() {
    let site = Site::new();
    let flow = site.flow("Rosters").await;
    site.running(flow, 1).await;
    let page = site.get_as(&site.visitor(Permission::ReadRuns), "/ui").await.ok();
    let changing = page.matches("method=\"post\"").count();
    assert_eq!(changing, 3, "two switches and the sign-out: {page}");
}

#[tokio::test]
async fn a_full_page_is_within_its_budget() {
    let site = Site::new();
    for number in 0..25 {
        let flow = site.flow(&format!("SIS roster import {number}")).await;
        // Like real ones: ids, starts and durations hardly repeat, so that they compress badly.
        for day in 0..50 {
            let seconds = TimeDelta::seconds((day * 7919 + number * 104_729) % 3600);
            let start = earlier(180 + day * 24 * 60).date_time() + seconds;
            let end = Timestamp::new(start + seconds + TimeDelta::minutes(5)).expect("a time");
            let new = NewRun {
                start: Some(Timestamp::new(start).expect("a time")),
                end: Some(end),
                status: RunStatus::Ended(Outcome::Completed),
                ..fixtures::new_run()
            };
            let run = RunId::new(fixtures::fresh_uuid()).expect("an id");
            site.run_at(flow.run(run), new).await;
        }
    }
    let mut request =
        site.request(axum::http::Method::GET, &site.visitor(Permission::ReadRuns), "/ui");
    request.headers_mut().insert("accept-encoding", "gzip".parse().expect("a value"));
    let shown = site.send(request).await;
    assert_eq!(shown.body.matches("<title>completed, ").count(), 25 * 50);
    assert!(shown.bytes.len() <= 60 * 1024, "{} bytes", shown.bytes.len());
}

#[tokio::test]
async fn a_page_takes_at_most_seven_statements() {
    for flows in [3, 60, 230] {
        let (store, site) = crate::flow::recorded();
        for number in 0..flows {
            let flow = site.flow(&format!("Flow {number:03}")).await;
            site.running(flow, 1).await;
        }
        for address in ["/ui", "/ui?show=late", "/ui?show=running", "/ui?name=Flow%2000", "/ui"] {
            store.take_calls();
            site.get(address).await.ok();
            let calls = store.take_calls();
            assert!(calls.len() <= 7, "{flows} flows, {address}: {calls:?}");
        }
    }
}

#[tokio::test]
async fn while_the_store_is_away_the_page_says_so_and_loads_itself_again() {
    let (store, site) = crate::flow::recorded();
    store.fail();
    let shown = site.get("/ui?show=late").await;
    assert_eq!(shown.status, axum::http::StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!((shown.header("refresh"), shown.header("retry-after")), ("5", "5"));
    for part in ["<h1>The database does not respond</h1>", "href=\"/ui?show=late\">Try again</a>"] {
        assert!(shown.body.contains(part), "{part}: {}", shown.body);
    }
    let shown = site.get("/ui.json").await;
    assert_eq!(shown.header("refresh"), "");
    assert!(shown.body.contains("\"code\":\"storeUnavailable\""), "{}", shown.body);
}
