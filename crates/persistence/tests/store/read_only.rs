//! A database that rejects writes: writes fail at once, and succeed as soon as a connection leads to a writable one.

use std::time::Duration;

use flowruns_domain::{
    store::{
        FlowStore as _, NotReady, RunStore as _, Store as _, StoreError, StoreErrorKind, Updated,
    },
    version::IfMatch,
};
use flowruns_persistence::{ConnectOptions, PostgresStore};
use flowruns_testing::{
    fixtures::{self, counted, new_run, origin, report},
    scratch::ScratchDatabase,
};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, raw_sql};
use tokio::time::timeout;

use crate::fixture::create_a_run;

/// Much longer than a test may take: a write that is retried until then fails the test.
const RETRY_FOR: Duration = Duration::from_secs(3600);
const TIMEOUT: Duration = Duration::from_secs(60);

/// Sessions that are opened from now on are read-only, or not.
async fn set_read_only(database: &ScratchDatabase, is_read_only: bool) {
    // From another database, so that it can be reset.
    let mut superuser =
        PgConnection::connect_with(&database.superuser().database("postgres")).await.unwrap();
    let name = database.name();
    let set = format!("ALTER DATABASE {name} SET default_transaction_read_only = {is_read_only}");
    raw_sql(AssertSqlSafe(set)).execute(&mut superuser).await.unwrap();
}

async fn store_on(database: &ScratchDatabase) -> PostgresStore {
    let options =
        ConnectOptions { retry_for: RETRY_FOR, ..ConnectOptions::new(database.service()) };
    PostgresStore::connect(&options).await.unwrap()
}

/// The results of each kind of write: a flow, a run, a report.
async fn write_all(
    store: &PostgresStore,
    run: &flowruns_domain::run::Run,
) -> Vec<Result<(), StoreError>> {
    let flow = fixtures::fresh_flow(run.key.tenant);
    let flow = store.create_flow(flow).await;
    let id = fixtures::fresh_uuid().to_string().parse().unwrap();
    let creation = new_run().create(run.key.flow_key().run(id), &origin());
    let created = store.create_run(creation.unwrap()).await.map(drop);
    let (patch, origin) = (counted(&format!(r#"{{"{id}":1}}"#)), origin());
    let counting = report(move |run| run.decide(&patch, &IfMatch::Absent, &origin));
    let counted = store.update_run(run.key, counting).await.map(|result| {
        assert!(matches!(result, Some(Updated::Changed(_))), "{result:?}");
    });
    vec![flow, created, counted]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_to_a_read_only_database_fails_without_retries() {
    let database = ScratchDatabase::create().await;
    let run = create_a_run(&database.store().await).await;
    set_read_only(&database, true).await;
    let store = store_on(&database).await;
    assert!(matches!(store.check().await, Err(NotReady::Standby)));
    for _ in 0..3 {
        let results = timeout(TIMEOUT, write_all(&store, &run)).await;
        for result in results.expect("nothing is retried until its deadline") {
            assert_eq!(result.unwrap_err().kind, StoreErrorKind::Unavailable);
        }
    }
    // Reads still succeed.
    assert_eq!(store.find_run(run.key).await.unwrap(), Some(run));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_write_after_a_failover_behind_one_address_finds_the_new_primary() {
    let database = ScratchDatabase::create().await;
    let run = create_a_run(&database.store().await).await;
    set_read_only(&database, true).await;
    let store = store_on(&database).await;
    // Every connection of the pool leads to the former primary.
    let reads = (0..64).map(|_| store.find_run(run.key));
    for read in futures_util::future::join_all(reads).await {
        read.unwrap();
    }
    set_read_only(&database, false).await;
    let results = timeout(TIMEOUT, write_all(&store, &run)).await;
    for result in results.expect("a new session is opened") {
        result.unwrap();
    }
    store.check().await.unwrap();
}
