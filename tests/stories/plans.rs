//! No list costs more than its page or its bound, whatever the filter and the order, on a table with many runs.

use flowruns_domain::{
    Condition, Direction, FlowKey, Operator, Outcome, PageSize, RunCursor, RunFilter, RunOrder,
    RunQuery, RunScope, RunSort, RunStatus, RunStore as _, RunTerm, SCAN_LIMIT, SortKey, Test,
    TextTest, offered,
};
use flowruns_persistence::PostgresStore;
use flowruns_testing::scratch::ScratchDatabase;
use serde_json::Value;
use sqlx::{ConnectOptions as _, Executor as _};

const PAGE: u16 = 50;
const TENANT: &str = "1e0c5e0a-4f7b-4a35-9a5c-7b0f2d7f3c55";
const BIG_FLOW: &str = "00000001-0000-7000-8000-000000000001";

/// One flow of 60,000 runs and 60 of 1,000; one run in a thousand failed, one in two thousand is in progress, and every
/// tenth shares its start with nine others. A third of the big flow was deleted beside.
const LOAD: &str = "
    INSERT INTO flows (id, tenant_id, version, display_name, readiness_status, data_domain, effective_at)
    SELECT ('0000' || lpad(to_hex(n), 4, '0') || '-0000-7000-8000-000000000001')::uuid,
        '1e0c5e0a-4f7b-4a35-9a5c-7b0f2d7f3c55', 1, 'Flow', 'ready', 'educationRostering', now()
    FROM generate_series(1, 61) n;
    INSERT INTO runs (flow_id, id, tenant_id, display_name, start_at, end_at, status, statistics, version, created_at,
        modified_at, deleted_at)
    SELECT ('0000' || lpad(to_hex(CASE WHEN n <= 80000 THEN 1 ELSE 2 + n % 60 END), 4, '0')
            || '-0000-7000-8000-000000000001')::uuid,
        ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
        '1e0c5e0a-4f7b-4a35-9a5c-7b0f2d7f3c55', 'run ' || n % 1000,
        timestamptz '2026-01-01' + n / 10 * interval '1 minute',
        CASE WHEN n % 2000 = 7 THEN NULL ELSE timestamptz '2026-06-01' + n / 10 * interval '1 minute' END,
        CASE WHEN n % 2000 = 7 THEN 'running' WHEN n % 1000 = 3 THEN 'failed' ELSE 'completed' END,
        '{}', 1, now(), now(), CASE WHEN n BETWEEN 20000 AND 39999 THEN now() END
    FROM generate_series(1, 140000) n;";

async fn loaded() -> (ScratchDatabase, PostgresStore) {
    let database = ScratchDatabase::create().await;
    let mut owner = database.owner().connect().await.unwrap();
    owner.execute(LOAD).await.unwrap();
    owner.execute("VACUUM ANALYZE runs").await.unwrap();
    owner.execute("ANALYZE flows").await.unwrap();
    let store = database.store().await;
    (database, store)
}

fn big_flow() -> FlowKey {
    FlowKey {
        tenant: TENANT.parse().unwrap(),
        flow: BIG_FLOW.parse().unwrap(),
    }
}

fn filters() -> Vec<Option<RunFilter>> {
    let status = |name| {
        let status = RunStatus::from_name(name);
        Condition::Is(RunTerm::Status(Test::Compare(Operator::Eq, status)))
    };
    let since = |operator, text: &str| Test::Compare(operator, Some(text.parse().unwrap()));
    let name = |test| Condition::Is(RunTerm::DisplayName(test));
    let failed = Some(RunStatus::Ended(Outcome::Failed));
    vec![
        None,
        Some(status("running")),
        Some(status("failed")),
        Some(status("completed")),
        Some(Condition::Is(RunTerm::Status(Test::In(vec![
            failed,
            Some(RunStatus::Running),
        ])))),
        Some(Condition::Not(Box::new(status("completed")))),
        Some(Condition::And(vec![
            status("failed"),
            Condition::Is(RunTerm::Start(since(Operator::Ge, "2026-01-02T00:00:00Z"))),
            Condition::Is(RunTerm::Start(since(Operator::Lt, "2026-01-03T00:00:00Z"))),
        ])),
        Some(Condition::And(vec![
            Condition::Is(RunTerm::End(since(Operator::Gt, "2026-06-02T00:00:00Z"))),
            name(TextTest::StartsWith("run 99".to_owned())),
        ])),
        Some(name(TextTest::Plain(Test::Compare(
            Operator::Eq,
            Some("run 7".to_owned()),
        )))),
        Some(name(TextTest::Contains("nothing".to_owned()))),
        Some(Condition::Is(RunTerm::End(Test::Compare(
            Operator::Eq,
            None,
        )))),
    ]
}

/// The beginning of a list, its middle, and where its null keys are.
fn places(sort: RunSort) -> Vec<Option<RunCursor>> {
    let at = |key| {
        Some(RunCursor {
            key,
            run: "00000000-0000-7000-8000-000000001000".parse().unwrap(),
            flow: BIG_FLOW.parse().unwrap(),
        })
    };
    let time = |text: &str| SortKey::Time(Some(text.parse().unwrap()));
    match sort {
        RunSort::Start => vec![None, at(time("2026-01-02T10:00:00Z"))],
        RunSort::End => vec![
            None,
            at(time("2026-06-02T10:00:00Z")),
            at(SortKey::Time(None)),
        ],
        RunSort::DisplayName => vec![None, at(SortKey::Name("run 5".to_owned()))],
        RunSort::Id => vec![None, at(SortKey::Id)],
    }
}

/// What a plan reads of the tables, and what it sorts.
#[derive(Debug, Default)]
struct Cost {
    nodes: Vec<String>,
    rows_read: f64,
    rows_sorted: f64,
}

impl Cost {
    fn add(&mut self, node: &Value) {
        let number = |name: &str| node[name].as_f64().unwrap_or_default();
        let kind = node["Node Type"].as_str().unwrap().to_owned();
        let loops = number("Actual Loops");
        if kind.contains("Scan") && node["Relation Name"].is_string() {
            let removed =
                number("Rows Removed by Filter") + number("Rows Removed by Index Recheck");
            self.rows_read += loops * (number("Actual Rows") + removed);
        }
        if kind.contains("Sort") {
            self.rows_sorted += loops * number("Actual Rows");
        }
        self.nodes.push(kind);
        for child in node["Plans"].as_array().into_iter().flatten() {
            self.add(child);
        }
    }
}

async fn check(store: &PostgresStore, query: &RunQuery) {
    for text in store.explain_runs(query).await.unwrap() {
        let plan: Value = serde_json::from_str(&text).unwrap();
        let mut cost = Cost::default();
        cost.add(&plan[0]["Plan"]);
        let context = || format!("{query:?}\n{plan:#}");
        let scans_all = cost
            .nodes
            .iter()
            .any(|node| node.contains("Seq Scan") || node.contains("Bitmap"));
        assert!(!scans_all, "{}", context());
        assert!(cost.rows_sorted <= f64::from(PAGE) + 1.0, "{}", context());
        // A deleted run has no entry but in the key.
        let bound = if query.order.sort == RunSort::Id {
            1
        } else {
            0
        };
        // Where nearly every run has the status, its statistics let PostgreSQL walk the index of all of them as well.
        let bound = (SCAN_LIMIT + 1 + bound) as f64 * 1.01;
        assert!(
            cost.rows_read <= bound,
            "{} rows\n{}",
            cost.rows_read,
            context()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_reads_no_more_than_its_bound_and_sorts_no_more_than_a_page() {
    let (_database, store) = loaded().await;
    let sorts = [
        RunSort::Start,
        RunSort::End,
        RunSort::DisplayName,
        RunSort::Id,
    ];
    let mut checked = 0;
    for scope in [
        RunScope::Flow(big_flow()),
        RunScope::Tenant(big_flow().tenant),
    ] {
        for (filter, sort) in filters()
            .into_iter()
            .flat_map(|filter| sorts.map(|sort| (filter.clone(), sort)))
        {
            for (after, direction) in places(sort).into_iter().flat_map(|after| {
                [Direction::Ascending, Direction::Descending].map(|d| (after.clone(), d))
            }) {
                let query = RunQuery {
                    filter: filter.clone(),
                    order: RunOrder { sort, direction },
                    size: PageSize::new(PAGE).unwrap(),
                    after,
                    ..RunQuery::new(scope)
                };
                if offered(&query).is_ok() {
                    check(&store, &query).await;
                    checked += 1;
                }
            }
        }
    }
    assert!(checked > 200, "{checked}");
}

/// A page that looks at its bound in vain is short, and the walk goes on to the end.
#[tokio::test(flavor = "multi_thread")]
async fn a_walk_with_short_pages_finds_every_run() {
    let (_database, store) = loaded().await;
    for sort in [
        RunSort::Start,
        RunSort::End,
        RunSort::DisplayName,
        RunSort::Id,
    ] {
        for direction in [Direction::Ascending, Direction::Descending] {
            let test = TextTest::EndsWith(" 42".to_owned());
            let mut query = RunQuery {
                filter: Some(Condition::Is(RunTerm::DisplayName(test))),
                order: RunOrder { sort, direction },
                size: PageSize::new(100).unwrap(),
                ..RunQuery::new(RunScope::Flow(big_flow()))
            };
            let (mut rows, mut pages) = (Vec::new(), 0);
            loop {
                let found = store.query_runs(&query).await.unwrap().unwrap();
                rows.extend(
                    found
                        .items
                        .iter()
                        .map(|row| query.order.cursor(&row.summary)),
                );
                pages += 1;
                let Some(next) = found.next else { break };
                (query.after, query.skip) = (Some(next.after), next.skip);
            }
            assert_eq!(rows.len(), 60, "{query:?}");
            assert!(rows.is_sorted_by(|one, other| query.order.compare(one, other).is_lt()));
            assert!((6..=14).contains(&pages), "{pages} pages");
        }
    }
}
