//! Lists against an independent implementation of OData: random filters, orders and pages, evaluated here on the JSON of the whole list,
//! without code of the server.

mod condition;
mod list;

use std::sync::OnceLock;

use axum::http::StatusCode;
use proptest::{prelude::*, sample};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use self::{
    condition::{Condition, Leaves, conditions},
    list::{Order, all_pages, encoded, ids, orders},
};
use crate::app::App;

const RUNS: u32 = 60;
const FLOWS: u32 = 25;
const NAMES: [&str; 8] = ["a", "ab", "B", "\u{e4}b", "b%_'", "a\\b", "x & y+z=#", "\u{1f980}"];
const STATUSES: [&str; 5] =
    ["running", "completed", "failed", "completedWithErrors", "completedWithWarnings"];
const READINESS: [&str; 3] = ["ready", "notReady", "failed"];

fn run_id(number: u32) -> String {
    format!("0a000000-0000-7000-8000-{number:012x}")
}

fn moment(minute: u32) -> String {
    format!("2026-03-01T08:{minute:02}:00Z")
}

/// An application with flows and runs that do not change, and the JSON of each whole list.
struct Fixture {
    runtime: Runtime,
    app: App,
    runs: Listed,
    all_runs: Listed,
    flows: Listed,
}

struct Listed {
    url: String,
    rows: Vec<Value>,
}

impl Listed {
    async fn read(app: &App, url: String) -> Self {
        let page = app.get(&format!("{url}?$top=1000")).await.json;
        let rows = page["value"].as_array().unwrap().clone();
        assert!(rows.len() >= FLOWS as usize && page["@odata.nextLink"].is_null());
        Self { url, rows }
    }
}

fn fixture() -> &'static Fixture {
    static FIXTURE: OnceLock<Fixture> = OnceLock::new();
    FIXTURE.get_or_init(|| {
        let runtime = Runtime::new().unwrap();
        let (app, [runs, all_runs, flows]) = runtime.block_on(filled());
        Fixture { runtime, app, runs, all_runs, flows }
    })
}

async fn filled() -> (App, [Listed; 3]) {
    let app = App::start().await;
    let flows = "/industryData/incomingFlows";
    let mut ids = Vec::new();
    for number in 0..FLOWS {
        let readiness = READINESS[(number % 3) as usize];
        let name = NAMES[(number * 3 % 8) as usize];
        let body = json!({"displayName": name, "readinessStatus": readiness});
        let flow = app.post(flows, body).await;
        ids.push(flow.json["id"].as_str().unwrap().to_owned());
    }
    for number in 0..RUNS {
        let status = STATUSES[(number * 7 % 5) as usize];
        let mut body = json!({"displayName": NAMES[(number % 8) as usize], "startDateTime": moment(number % 4), "status": status});
        if status != "running" {
            body["endDateTime"] = json!(moment(10 + number % 6));
        }
        app.run_of(&ids[(number % 3) as usize], body.clone()).await;
        body["id"] = json!(run_id(number));
        app.run_of(&ids[0], body).await;
    }
    let runs = Listed::read(&app, format!("{flows}/{}/runs", ids[0])).await;
    let all_runs = Listed::read(&app, "/industryData/runs".to_owned()).await;
    let flows = Listed::read(&app, flows.to_owned()).await;
    (app, [runs, all_runs, flows])
}

/// Reads all pages of the list with these options, and compares them and the counts with the expected list.
async fn compare(
    app: &App,
    list: &Listed,
    filter: Option<&Condition>,
    order: &Order,
    (top, skip): (usize, usize),
) -> Result<(), TestCaseError> {
    let mut expected: Vec<&Value> = list.rows.iter().collect();
    expected.retain(|row| filter.is_none_or(|filter| filter.holds(row)));
    expected.sort_by(|one, other| order.compare(one, other));
    let mut options =
        format!("$orderby={}&$top={top}&$skip={skip}&$count=true", encoded(&order.text()));
    let mut count_url = format!("{}/$count", list.url);
    if let Some(filter) = filter {
        let filter = encoded(&filter.text());
        options = format!("{options}&$filter={filter}");
        count_url = format!("{count_url}?$filter={filter}");
    }
    let pages = all_pages(app, &format!("{}?{options}", list.url)).await;
    for page in &pages {
        prop_assert_eq!(&page["@odata.count"], &json!(expected.len()));
    }
    let (last, full) = pages.split_last().unwrap();
    for page in full {
        prop_assert_eq!(page["value"].as_array().unwrap().len(), top);
    }
    prop_assert!(last["value"].as_array().unwrap().len() <= top);
    let returned: Vec<String> = pages.iter().flat_map(ids).collect();
    prop_assert_eq!(returned, list::ids_of(expected.iter().copied().skip(skip)));
    let count = app.get(&count_url).await;
    prop_assert_eq!((count.status, count.body), (StatusCode::OK, expected.len().to_string()));
    Ok(())
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

fn windows() -> impl Strategy<Value = (usize, usize)> {
    (1_usize..=RUNS as usize, prop_oneof![Just(0), 0_usize..12])
}

proptest! {
    #![proptest_config(cases(250))]

    #[test]
    fn runs_of_a_flow_are_filtered_and_ordered(
        filter in proptest::option::weighted(0.9, conditions(Leaves::Runs)),
        order in orders(&["startDateTime", "endDateTime", "displayName", "id"]),
        window in windows(),
    ) {
        let Fixture { runtime, app, runs, .. } = fixture();
        runtime.block_on(compare(app, runs, filter.as_ref(), &order, window))?;
    }

    #[test]
    fn runs_of_all_flows_are_filtered_and_ordered(
        filter in proptest::option::weighted(0.9, conditions(Leaves::RunsAcrossFlows)),
        order in orders(&["startDateTime"]),
        window in windows(),
    ) {
        let Fixture { runtime, app, all_runs, .. } = fixture();
        runtime.block_on(compare(app, all_runs, filter.as_ref(), &order, window))?;
    }

    #[test]
    fn flows_are_filtered_and_ordered(
        filter in proptest::option::weighted(0.9, conditions(Leaves::Flows)),
        order in orders(&["id", "displayName"]),
        window in windows(),
    ) {
        let Fixture { runtime, app, flows, .. } = fixture();
        runtime.block_on(compare(app, flows, filter.as_ref(), &order, window))?;
    }
}

/// An application whose lists change.
fn fixture_with_changes() -> &'static (Runtime, App) {
    static FIXTURE: OnceLock<(Runtime, App)> = OnceLock::new();
    FIXTURE.get_or_init(|| {
        let runtime = Runtime::new().unwrap();
        let app = runtime.block_on(App::start());
        (runtime, app)
    })
}

/// Changes of other runs between two pages.
#[derive(Clone, Copy, Debug)]
enum Step {
    Create(u32),
    Move(u32, usize),
    Rename(usize, &'static str),
    End(usize),
    Delete(usize),
}

const CHANGING_RUNS: usize = 6;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let any_run = || 0..CHANGING_RUNS;
    let step = prop_oneof![
        (0_u32..10).prop_map(Step::Create),
        (0_u32..10, any_run()).prop_map(|(minute, run)| Step::Move(minute, run)),
        (any_run(), sample::select(NAMES.to_vec())).prop_map(|(run, name)| Step::Rename(run, name)),
        any_run().prop_map(Step::End),
        any_run().prop_map(Step::Delete),
    ];
    proptest::collection::vec(step, 0..4)
}

async fn apply(app: &App, list: &str, changing: &[String], step: Step) {
    let url = |run: usize| format!("{list}/{}", changing[run]);
    match step {
        Step::Create(minute) => {
            let body = json!({"displayName": "new", "startDateTime": moment(minute)});
            assert_eq!(app.post(list, body).await.status, StatusCode::CREATED);
        }
        Step::Move(minute, run) => {
            drop(app.patch(&url(run), json!({"startDateTime": moment(minute)})).await)
        }
        Step::Rename(run, name) => drop(app.patch(&url(run), json!({"displayName": name})).await),
        Step::End(run) => {
            let body = json!({"status": "failed", "endDateTime": moment(30)});
            drop(app.patch(&url(run), body).await);
        }
        Step::Delete(run) => drop(app.delete(&url(run)).await),
    }
}

/// New runs of a flow: the JSON of those that will not change, and the ids of the others.
async fn unchanged_and_changing_runs(app: &App, flow: &str) -> (Vec<Value>, Vec<String>) {
    let (mut unchanged, mut changing) = (Vec::new(), Vec::new());
    for number in 0..18_u32 {
        let mut body = json!({"displayName": NAMES[(number % 8) as usize], "startDateTime": moment(number * 5 % 9)});
        let is_changing = number % 3 == 0;
        if !is_changing && number % 4 == 1 {
            (body["status"], body["endDateTime"]) =
                (json!("completed"), json!(moment(20 + number % 3)));
        }
        let run = app.run_of(flow, body).await;
        match is_changing {
            true => changing.push(run.id),
            false => unchanged.push(app.get(&run.url).await.json),
        }
    }
    (unchanged, changing)
}

/// The ids that the pages return while others are created, changed and deleted, and the expected ids of the unchanged runs, in order.
async fn page_during_changes(
    app: &App,
    order: &Order,
    top: usize,
    steps: &[Vec<Step>],
) -> (Vec<String>, Vec<String>) {
    let flow = app.flow().await;
    let list = format!("/industryData/incomingFlows/{flow}/runs");
    let (mut unchanged, changing) = unchanged_and_changing_runs(app, &flow).await;
    unchanged.sort_by(|one, other| order.compare(one, other));
    let mut returned = Vec::new();
    let mut next_url = Some(format!("{list}?$orderby={}&$top={top}", encoded(&order.text())));
    let mut steps = steps.iter();
    let mut pages = 0;
    while let Some(url) = next_url {
        let page = app.get(&url).await.json;
        returned.extend(ids(&page));
        pages += 1;
        assert!(pages < list::MOST_PAGES, "the list does not end");
        next_url = list::next(&page);
        for step in steps.next().into_iter().flatten() {
            apply(app, &list, &changing, *step).await;
        }
    }
    let unchanged = list::ids_of(unchanged.iter());
    returned.retain(|id| unchanged.contains(id));
    (returned, unchanged)
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn paging_during_changes_returns_each_unchanged_run_once(
        order in orders(&["startDateTime", "endDateTime", "displayName", "id"]),
        top in 1_usize..6,
        steps in proptest::collection::vec(steps(), 1..12),
    ) {
        let (runtime, app) = fixture_with_changes();
        let (returned, unchanged) = runtime.block_on(page_during_changes(app, &order, top, &steps));
        prop_assert_eq!(returned, unchanged);
    }
}
