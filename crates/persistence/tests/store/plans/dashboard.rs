//! The cost of the queries of the dashboard: no more rows than their arguments allow, along indexes, without a sort.

use flowruns_domain::{
    dashboard::{
        DashboardStore as _, EarlierRuns, EventCount, FlowIds, Last, LastEvents, MemberPaths,
        RunKeys, RunWindow, RunsPerFlow, Tally, TallyRequest,
    },
    id::{FlowId, FlowKey, RunId, RunKey, TenantId},
    query::PageSize,
    run::{Outcome, RunStatus},
};
use flowruns_persistence::{DashboardQuery, PostgresStore};
use uuid::Uuid;

use super::{
    cost::Cost,
    table::{Table, big_flow},
};

const TENANT: &str = "7b1f4e5c-0d0a-4c11-9d5e-2f6a8c3b9e77";
const FLOWS: usize = 200;

/// Two hundred flows of a third tenant with 60 runs each, every third of which has an error. The first flow has 240 more, with
/// documents that take several pages each. The first run has ten thousand history entries, and ten others have a thousand.
pub(super) async fn fill(table: &Table) {
    let id = |number: &str| {
        format!("('00000000-0000-7000-9000-' || lpad(to_hex({number}), 12, '0'))::uuid")
    };
    let (flow, run, events) = (id("flow"), id("run"), id("run"));
    let text =
        "(SELECT string_agg(md5(run || '/' || part), '') FROM generate_series(1, 1200) part)";
    table
        .execute(format!(
            "INSERT INTO flows (id, tenant_id, version, display_name, readiness_status, data_domain, effective_at)
            SELECT {flow}, '{TENANT}', 1, 'Flow', 'ready', 'educationRostering', now()
            FROM generate_series(1, {FLOWS}) flow;
            INSERT INTO runs (flow_id, id, tenant_id, display_name, start_at, end_at, status, blocking_error, statistics,
                version, created_at, modified_at)
            SELECT {flow}, {run}, '{TENANT}', 'run', timestamptz '2026-01-01' + run / 2 * interval '1 hour',
                timestamptz '2027-01-01', CASE WHEN run % 3 = 0 THEN 'failed' ELSE 'completed' END,
                CASE WHEN run % 3 = 0 THEN jsonb_build_object('code', 'c', 'message', {text}) END,
                jsonb_build_object('rows', run, 'text', CASE WHEN run > 60 THEN {text} END),
                1, '2026-01-01', '2026-12-31'
            FROM generate_series(1, {FLOWS}) flow, generate_series(1, CASE WHEN flow = 1 THEN 300 ELSE 60 END) run;
            INSERT INTO run_events (flow_id, run_id, version, occurred_at, tenant_id, event_id, actor, request_id, action,
                changes)
            SELECT {first}, {events}, version, timestamptz '2026-01-01' + version * interval '30 minutes', '{TENANT}',
                gen_random_uuid(), 'a', gen_random_uuid(), 'updated', '[]'
            FROM generate_series(1, 11) run, generate_series(1, CASE WHEN run = 1 THEN 10000 ELSE 1000 END) version;
            ANALYZE run_events;",
            first = id("1"),
        ))
        .await;
}

fn tenant() -> TenantId {
    TENANT.parse().unwrap()
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(0x7000_9000_0000_0000_0000 | number)
}

fn flow(number: u128) -> FlowKey {
    FlowKey { tenant: tenant(), flow: FlowId::new(id(number)).unwrap() }
}

fn run(number: u128) -> RunKey {
    flow(1).run(id(number).to_string().parse().unwrap())
}

fn paths() -> MemberPaths {
    let texts = ["rows", "text", "a/b/c", "d", "e", "f"];
    MemberPaths::new(texts.map(|text| text.parse().unwrap())).unwrap()
}

/// A run of the big flow, among twenty thousand that share its start.
fn among_many() -> RunKey {
    big_flow().run("00000000-0000-7000-8000-00000001adb0".parse().unwrap())
}

/// The queries, each with the rows and pages that it may read.
fn queries() -> Vec<(DashboardQuery, f64, f64)> {
    let big = big_flow();
    let strange = FlowKey { tenant: tenant(), ..big };
    let ids = |flows: Vec<FlowKey>| FlowIds::new(flows.iter().map(|key| key.flow)).unwrap();
    let all = ids((1..=FLOWS as u128).map(flow).collect());
    let keys = RunKeys::new((1..=100).map(|number| run(number * 3))).unwrap();
    let (each, last) = (RunsPerFlow::MAX, Last::MAX);
    let mut queries = vec![
        // Each flow is a row too.
        (DashboardQuery::RecentRuns(tenant(), all.clone(), each), 10_200.0, 12_000.0),
        (DashboardQuery::RecentRuns(big.tenant, ids(vec![big]), each), 51.0, 70.0),
        (DashboardQuery::RecentRuns(big.tenant, all, each), 200.0, 1_000.0),
        (DashboardQuery::RecentRuns(tenant(), ids(vec![big]), each), 1.0, 10.0),
        (DashboardQuery::MemberSeries(big, paths(), last), 201.0, 220.0),
        (DashboardQuery::MemberSeries(strange, paths(), last), 1.0, 10.0),
        (DashboardQuery::MemberSeries(flow(2), paths(), last), 61.0, 80.0),
        // Each document is read once, not once for each path: 38 KiB, and pages of its index.
        (DashboardQuery::MemberSeries(flow(1), paths(), last), 201.0, 201.0 * 12.0),
        (DashboardQuery::ErrorLines(keys), 100.0, 100.0 * 16.0),
    ];
    // Two ranges of fifty runs, of which twenty have documents of 38 KiB, and other rows.
    let earlier = EarlierRuns { runs: each, details: PageSize::new(20).unwrap() };
    for (flow, run, pages) in [
        (big, Some(among_many().run), 180.0),
        (big, None, 180.0),
        (flow(1), Some(run(150).run), 180.0 + 20.0 * 24.0),
        (flow(1), None, 180.0 + 20.0 * 24.0),
    ] {
        queries.push((DashboardQuery::Neighbours(flow, run, earlier), 112.0, pages));
    }
    for run in [Some(among_many().run), None] {
        queries.push((DashboardQuery::Neighbours(strange, run, earlier), 1.0, 10.0));
    }
    queries.extend(windows(big));
    let newest = LastEvents::new(EventCount::MAX);
    for before in [None, Some(9_000), Some(30)] {
        let before = before.map(|number| flowruns_domain::version::Version::new(number).unwrap());
        let last = LastEvents { before, ..newest };
        queries.push((DashboardQuery::LastEvents(run(1), last), 51.0, 80.0));
    }
    // The row that shows that there are more, and one that the window function reads ahead.
    let limit = f64::from(Tally::LIMIT) + 2.0;
    let mut requests = Vec::new();
    for status in RunStatus::ALL {
        for since in [None, Some("2026-01-08T00:00:00Z"), Some("2030-01-01T00:00:00Z")] {
            let since = since.map(|time| time.parse().unwrap());
            requests.push(TallyRequest { status, since });
        }
    }
    for of in [big.tenant, tenant()] {
        let one = requests.iter().map(|request| vec![*request]);
        for requests in one.chain([requests.clone()]) {
            let limit = limit * requests.len() as f64;
            let pages = limit + 20.0 * requests.len() as f64;
            queries.push((DashboardQuery::Tallies(of, requests), limit, pages));
        }
    }
    queries
}

/// Windows with many runs, with none, and of another tenant.
fn windows(big: FlowKey) -> Vec<(DashboardQuery, f64, f64)> {
    let flows = |flows: &[FlowKey], times: (&str, &str)| {
        let times = (times.0.parse().unwrap(), times.1.parse().unwrap());
        RunWindow::new(flows.iter().map(|key| key.flow), times).unwrap()
    };
    let year = ("2026-01-03T00:00:00Z", "2027-06-01T00:00:00Z");
    let many: Vec<FlowKey> = (1..=RunWindow::MAX_FLOWS as u128).map(flow).collect();
    // The extra row of each range, and one that the window function reads ahead.
    let of_flow = (2 * (RunWindow::MAX_RUNS + 2) + 2 * (RunWindow::MAX_EARLIER + 2) + 1) as f64;
    let window = |of, window, rows: f64| {
        (DashboardQuery::Window(of, window), rows, rows + 30.0 * many.len() as f64)
    };
    vec![
        window(big.tenant, flows(&[big], year), of_flow),
        window(big.tenant, flows(&[big], ("2000-01-01T00:00:00Z", "2000-01-02T00:00:00Z")), 60.0),
        window(big.tenant, flows(&[big], ("2100-01-01T00:00:00Z", "2100-01-02T00:00:00Z")), 110.0),
        window(tenant(), flows(&many, year), of_flow * many.len() as f64),
        window(tenant(), flows(&[big], year), 1.0),
    ]
}

/// Checks every query.
pub(super) async fn check_all(store: &PostgresStore, statistics: &str) {
    for (query, rows, pages) in queries() {
        let plan = store.explain_dashboard(&query).await.unwrap().unwrap();
        let cost = Cost::of(&plan);
        let context = || format!("{cost:?}\n{statistics}: {query:?}\n{plan}");
        assert!(cost.scans.iter().all(|scan| scan.starts_with("Index")), "{}", context());
        assert!(cost.rows_read <= rows, "{} rows, not {rows}: {}", cost.rows_read, context());
        assert!(cost.pages <= pages, "{} pages, not {pages}: {}", cost.pages, context());
        assert!(cost.rows_sorted <= 51.0, "{} sorted: {}", cost.rows_sorted, context());
    }
    results_are_complete(store).await;
}

/// A query that reads few rows must still find what it is for.
async fn results_are_complete(store: &PostgresStore) {
    let all = FlowIds::new((1..=FLOWS as u128).map(|number| flow(number).flow)).unwrap();
    let recent = store.recent_runs(tenant(), &all, RunsPerFlow::MAX).await.unwrap();
    assert!(recent.len() == FLOWS && recent.iter().all(|found| found.runs.len() == 50));
    let failed = TallyRequest { status: RunStatus::Ended(Outcome::Failed), since: None };
    let tallies = store.tallies(tenant(), &[failed]).await.unwrap();
    assert_eq!((tallies[0].runs(), tallies[0].has_more), (1000, true));
    let series = store.member_series(flow(1), &paths(), Last::MAX).await.unwrap();
    assert!(series.len() == 200 && series.iter().all(|run| run.values[0].is_some()));
    let earlier = EarlierRuns { runs: RunsPerFlow::MAX, details: PageSize::new(20).unwrap() };
    let of: [(FlowKey, Option<RunId>); 2] = [(big_flow(), Some(among_many().run)), (flow(1), None)];
    for (flow, run) in of {
        let neighbours = store.neighbours(flow, run, earlier).await.unwrap();
        assert_eq!((neighbours.before.len(), neighbours.after.is_some()), (50, run.is_some()));
        let detailed = neighbours.before.iter().filter(|run| run.details.is_some()).count();
        assert_eq!(detailed, 20);
    }
    let times = ("2026-01-03T00:00:00Z".parse().unwrap(), "2027-06-01T00:00:00Z".parse().unwrap());
    let window = RunWindow::new([flow(1).flow], times).unwrap();
    let found = store.runs_in_window(tenant(), &window).await.unwrap();
    assert_eq!(found[0].runs.len(), 300);
    let newest = LastEvents::new(EventCount::MAX);
    let events = store.last_events(run(1), newest).await.unwrap().unwrap();
    assert_eq!(events.items.first().map(|event| event.version.number()), Some(10_000));
    assert!(events.items.len() == 50 && events.has_more);
}
