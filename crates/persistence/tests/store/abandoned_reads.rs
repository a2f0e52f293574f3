//! Reads whose callers disconnect: their statements are cancelled, and their connections serve other requests.

use std::time::Duration;

use flowruns_domain::{
    dashboard::{
        DashboardStore as _, EarlierRuns, FlowIds, Last, MemberPaths, RunsPerFlow, TallyRequest,
    },
    query::PageSize,
    run::RunStatus,
    store::{FlowStore as _, RunStore as _, Updated},
    version::IfMatch,
};
use flowruns_persistence::{ConnectOptions, PostgresStore};
use flowruns_testing::{
    fixtures::{counted, origin, report},
    scratch::ScratchDatabase,
};
use sqlx::{Connection as _, PgConnection, raw_sql};
use tokio::time::timeout;

use crate::fixture::create_a_run;

const CONNECTIONS: u32 = 4;
/// A statement of the store that is not cancelled would run this long.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(3600);
const TIMEOUT: Duration = Duration::from_secs(30);

const BLOCKED: &str = "
    SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
        AND application_name = $1";

async fn wait_for_blocked(observer: &mut PgConnection, sessions: &str, expected: i64) {
    let count = || sqlx::query_scalar::<_, i64>(BLOCKED).bind(sessions);
    let reached = async {
        while count().fetch_one(&mut *observer).await.unwrap() != expected {
            tokio::task::yield_now().await;
        }
    };
    let reached = timeout(TIMEOUT, reached).await;
    assert!(reached.is_ok(), "not {expected} statements of {sessions}");
}

async fn store_with_long_statements(database: &ScratchDatabase) -> PostgresStore {
    let options = ConnectOptions {
        max_connections: CONNECTIONS,
        acquire_timeout: STATEMENT_TIMEOUT,
        statement_timeout: STATEMENT_TIMEOUT,
        retry_for: STATEMENT_TIMEOUT,
        ..ConnectOptions::new(database.service())
    };
    PostgresStore::connect(&options).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_of_callers_that_left_are_cancelled_and_their_connections_serve_other_requests()
{
    let database = ScratchDatabase::create().await;
    let store = store_with_long_statements(&database).await;
    let key = create_a_run(&store).await.key;
    let mut locker = PgConnection::connect_with(&database.owner()).await.unwrap();
    raw_sql("BEGIN; LOCK TABLE runs IN ACCESS EXCLUSIVE MODE").execute(&mut locker).await.unwrap();
    let reads = (0..CONNECTIONS).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { store.find_run(key).await })
    });
    let reads: Vec<_> = reads.collect();
    let mut observer = PgConnection::connect_with(&database.superuser()).await.unwrap();
    wait_for_blocked(&mut observer, "flowruns", CONNECTIONS.into()).await;
    for read in reads {
        read.abort();
    }
    wait_for_blocked(&mut observer, "flowruns", 0).await;
    let served = timeout(TIMEOUT, store.find_flow(key.flow_key())).await;
    let flow = served.expect("a connection is free").unwrap();
    assert!(flow.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_of_the_dashboard_are_cancelled_when_their_callers_leave() {
    let database = ScratchDatabase::create().await;
    let store = store_with_long_statements(&database).await;
    let key = create_a_run(&store).await.key;
    let mut locker = PgConnection::connect_with(&database.owner()).await.unwrap();
    raw_sql("BEGIN; LOCK TABLE runs IN ACCESS EXCLUSIVE MODE").execute(&mut locker).await.unwrap();
    let flows = FlowIds::new([key.flow]).unwrap();
    let running = TallyRequest { status: RunStatus::Running, since: None };
    let reads = [
        tokio::spawn({
            let store = store.clone();
            async move { store.recent_runs(key.tenant, &flows, RunsPerFlow::MAX).await.map(drop) }
        }),
        tokio::spawn({
            let store = store.clone();
            async move { store.tallies(key.tenant, &[running]).await.map(drop) }
        }),
        tokio::spawn({
            let store = store.clone();
            let paths = MemberPaths::default();
            async move { store.member_series(key.flow_key(), &paths, Last::MAX).await.map(drop) }
        }),
        tokio::spawn({
            let store = store.clone();
            let earlier = EarlierRuns { runs: RunsPerFlow::MAX, details: PageSize::default() };
            let (flow, run) = (key.flow_key(), Some(key.run));
            async move { store.neighbours(flow, run, earlier).await.map(drop) }
        }),
    ];
    let mut observer = PgConnection::connect_with(&database.superuser()).await.unwrap();
    wait_for_blocked(&mut observer, "flowruns", CONNECTIONS.into()).await;
    for read in reads {
        read.abort();
    }
    wait_for_blocked(&mut observer, "flowruns", 0).await;
    let served = timeout(TIMEOUT, store.find_flow(key.flow_key())).await;
    assert!(served.expect("a connection is free").unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_whose_caller_left_is_written() {
    let database = ScratchDatabase::create().await;
    let store = store_with_long_statements(&database).await;
    let key = create_a_run(&store).await.key;
    let mut locker = PgConnection::connect_with(&database.owner()).await.unwrap();
    raw_sql("BEGIN; LOCK TABLE run_events IN SHARE MODE").execute(&mut locker).await.unwrap();
    let (patch, origin) = (counted(r#"{"n":1}"#), origin());
    let counting = report(move |run| run.decide(&patch, &IfMatch::Absent, &origin));
    let abandoned = tokio::spawn({
        let store = store.clone();
        async move { store.update_run(key, counting).await }
    });
    let mut observer = PgConnection::connect_with(&database.superuser()).await.unwrap();
    wait_for_blocked(&mut observer, "flowruns writer", 1).await;
    abandoned.abort();
    assert!(abandoned.await.unwrap_err().is_cancelled());
    raw_sql("ROLLBACK").execute(&mut locker).await.unwrap();
    // The next report of the run is decided on its result.
    let (patch, origin) = (counted(r#"{"m":1}"#), flowruns_testing::fixtures::origin());
    let next = report(move |run| run.decide(&patch, &IfMatch::Absent, &origin));
    let result = store.update_run(key, next).await.unwrap();
    let Some(Updated::Changed(run)) = result else {
        panic!("{result:?}");
    };
    assert_eq!(run.version.number(), 3);
}
