//! Each connection parses and plans the queries of pages once.

use flowruns_domain::{
    dashboard::{
        DashboardStore as _, EarlierRuns, FlowIds, Last, MemberPaths, RunKeys, RunWindow,
        RunsPerFlow, TallyRequest,
    },
    id::FlowKey,
    query::PageSize,
    run::RunStatus,
};
use flowruns_persistence::{ConnectOptions, PostgresStore};
use flowruns_testing::{
    fixtures::{fresh_flow, fresh_tenant, run_key, time},
    scratch::ScratchDatabase,
};
use sqlx::Connection as _;

/// How many statements the only connection of the store has prepared.
async fn prepared(store: &PostgresStore) -> usize {
    store.pool().acquire().await.unwrap().cached_statements_size()
}

/// Reads what the pages read, of a flow.
async fn read(store: &PostgresStore, flow: FlowKey) {
    let flows = FlowIds::new([flow.flow]).unwrap();
    store.recent_runs(flow.tenant, &flows, RunsPerFlow::MAX).await.unwrap();
    let running = TallyRequest { status: RunStatus::Running, since: None };
    store.tallies(flow.tenant, &[running]).await.unwrap();
    let paths = MemberPaths::new(["rows", "records/read"].map(|path| path.parse().unwrap()));
    store.member_series(flow, &paths.unwrap(), Last::MAX).await.unwrap();
    store.error_lines(&RunKeys::new([run_key(flow, 1)]).unwrap()).await.unwrap();
    let earlier = EarlierRuns { runs: RunsPerFlow::MAX, details: PageSize::new(20).unwrap() };
    store.neighbours(flow, None, earlier).await.unwrap();
    let times = (time("2026-03-01T00:00:00Z"), time("2026-03-02T00:00:00Z"));
    let window = RunWindow::new([flow.flow], times).unwrap();
    store.runs_in_window(flow.tenant, &window).await.unwrap();
}

#[tokio::test]
async fn queries_of_pages_are_prepared_once_for_all_flows_and_tenants() {
    let database = ScratchDatabase::create().await;
    let options = ConnectOptions { max_connections: 1, ..ConnectOptions::new(database.service()) };
    let store = PostgresStore::connect(&options).await.unwrap();
    let before = prepared(&store).await;
    read(&store, fresh_flow(fresh_tenant()).key).await;
    assert_eq!(prepared(&store).await, before + 6);
    read(&store, fresh_flow(fresh_tenant()).key).await;
    assert_eq!(prepared(&store).await, before + 6);
}

/// A path of many names makes another text, and there are too many such texts to keep them.
#[tokio::test]
async fn queries_of_deep_members_are_not_prepared() {
    let database = ScratchDatabase::create().await;
    let options = ConnectOptions { max_connections: 1, ..ConnectOptions::new(database.service()) };
    let store = PostgresStore::connect(&options).await.unwrap();
    let before = prepared(&store).await;
    let paths = MemberPaths::new(["a/b/c".parse().unwrap()]).unwrap();
    store.member_series(fresh_flow(fresh_tenant()).key, &paths, Last::MAX).await.unwrap();
    assert_eq!(prepared(&store).await, before);
}
