//! The cost of the queries of the dashboard: no more rows than their arguments allow, along indexes, without a sort.

use flowruns_domain::{
    dashboard::{
        DashboardStore as _, EventCount, FlowIds, Last, LastEvents, MemberPaths, RunKeys,
        RunsPerFlow, Tally,
    },
    id::{FlowId, FlowKey, RunKey, TenantId},
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
        (DashboardQuery::Neighbours(among_many()), 9.0, 60.0),
        (DashboardQuery::Neighbours(run(150)), 9.0, 60.0),
        (DashboardQuery::Neighbours(RunKey { tenant: tenant(), ..among_many() }), 1.0, 10.0),
    ];
    let newest = LastEvents::new(EventCount::MAX);
    for before in [None, Some(9_000), Some(30)] {
        let before = before.map(|number| flowruns_domain::version::Version::new(number).unwrap());
        let last = LastEvents { before, ..newest };
        queries.push((DashboardQuery::LastEvents(run(1), last), 51.0, 80.0));
    }
    // The row that shows that there are more, and one that the window function reads ahead.
    let limit = f64::from(Tally::LIMIT) + 2.0;
    for status in RunStatus::ALL {
        for since in [None, Some("2026-01-08T00:00:00Z"), Some("2030-01-01T00:00:00Z")] {
            let since = since.map(|time| time.parse().unwrap());
            for of in [big.tenant, tenant()] {
                queries.push((DashboardQuery::Tally(of, status, since), limit, limit + 20.0));
            }
        }
    }
    queries
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
    let failed = RunStatus::Ended(Outcome::Failed);
    let tally = store.tally(tenant(), failed, None).await.unwrap();
    assert_eq!((tally.runs(), tally.has_more), (1000, true));
    let series = store.member_series(flow(1), &paths(), Last::MAX).await.unwrap();
    assert!(series.len() == 200 && series.iter().all(|run| run.values[0].is_some()));
    let neighbours = store.neighbours(among_many()).await.unwrap();
    assert!(neighbours.before.is_some() && neighbours.after.is_some());
    let newest = LastEvents::new(EventCount::MAX);
    let events = store.last_events(run(1), newest).await.unwrap().unwrap();
    assert_eq!(events.items.first().map(|event| event.version.number()), Some(10_000));
    assert!(events.items.len() == 50 && events.has_more);
}
