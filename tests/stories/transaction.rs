//! The one transaction: whoever leaves it half-way leaves no session in it.

use std::{
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use flowruns_domain::{
    Field, IfMatch, Origin, Run, RunPatch, RunReport, RunStore as _, StoreErrorKind, Updated,
};
use flowruns_persistence::{ConnectOptions, PostgresStore};
use flowruns_testing::{fixtures, scratch::ScratchDatabase};
use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};

/// Calls of `decide` until the row is locked: two races are lost before.
const LOCKED: usize = 3;

/// Another session makes a version, so that the race under way is lost.
fn overtake(database: PgConnectOptions) {
    let overtaking = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut connection = PgConnection::connect_with(&database).await.unwrap();
            sqlx::raw_sql("UPDATE runs SET version = version + 1")
                .execute(&mut connection)
                .await
                .unwrap();
        });
    });
    overtaking.join().unwrap();
}

/// Names the run, after two lost races and whatever `within` does in the transaction.
pub(crate) fn decide_at_third(
    database: PgConnectOptions,
    origin: Origin,
    within: impl Fn() + Send + Sync + 'static,
) -> RunReport {
    let calls = AtomicUsize::new(0);
    let patch = RunPatch {
        display_name: Field::Value(fixtures::name("third")),
        ..RunPatch::default()
    };
    fixtures::report(move |run| {
        if calls.fetch_add(1, Ordering::SeqCst) + 1 < LOCKED {
            overtake(database.clone());
        } else {
            within();
        }
        run.decide(&patch, &IfMatch::Absent, &origin)
    })
}

/// A store with a single connection, so that what one report leaves behind the next one meets.
async fn store_with_a_run() -> (ScratchDatabase, PostgresStore, Run) {
    let database = ScratchDatabase::create().await;
    let options = ConnectOptions {
        max_connections: 1,
        ..ConnectOptions::new(database.service())
    };
    let store = PostgresStore::connect(&options).await.unwrap();
    let run = create_a_run(&store).await;
    (database, store, run)
}

pub(crate) async fn create_a_run(store: &PostgresStore) -> Run {
    let flow = fixtures::fresh_flow(fixtures::fresh_tenant());
    let key = flow
        .key
        .run(fixtures::fresh_uuid().to_string().parse().unwrap());
    flowruns_domain::FlowStore::create_flow(store, flow)
        .await
        .unwrap();
    let creation = fixtures::new_run()
        .create(key, &fixtures::origin())
        .unwrap();
    let run = creation.run.clone();
    store.create_run(creation).await.unwrap();
    run
}

pub(crate) async fn assert_the_next_report_is_kept(
    database: &ScratchDatabase,
    store: &PostgresStore,
    run: &Run,
) {
    let name = format!("next {}", fixtures::fresh_uuid());
    let patch = RunPatch {
        display_name: Field::Value(fixtures::name(&name)),
        ..RunPatch::default()
    };
    let origin = fixtures::origin();
    let report = fixtures::report(move |run| run.decide(&patch, &IfMatch::Absent, &origin));
    let Some(Updated::Changed(answered)) = store.update_run(run.key, report).await.unwrap() else {
        panic!("the report changes the run");
    };
    // Seen from another session: what was acknowledged is committed.
    let mut other = PgConnection::connect_with(&database.owner()).await.unwrap();
    let stored: (String, i64) = sqlx::query_as("SELECT display_name, version FROM runs")
        .fetch_one(&mut other)
        .await
        .unwrap();
    assert_eq!(stored, (name, answered.version.number()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_within_the_transaction_costs_that_report_alone() {
    let (database, store, run) = store_with_a_run().await;
    let decide = decide_at_third(database.owner(), fixtures::origin(), || {
        panic!("within the transaction")
    });
    let error = store.update_run(run.key, decide).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Internal);
    assert_the_next_report_is_kept(&database, &store, &run).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_leaves_within_the_transaction_leaves_nothing_half_done() {
    let (database, store, run) = store_with_a_run().await;
    let (entered, within) = mpsc::channel();
    let (leave, left) = mpsc::channel::<()>();
    let left = std::sync::Mutex::new(left);
    let decide = decide_at_third(database.owner(), fixtures::origin(), move || {
        entered.send(()).unwrap();
        left.lock().unwrap().recv().unwrap();
    });
    let caller = tokio::spawn({
        let (store, key) = (store.clone(), run.key);
        async move { store.update_run(key, decide).await }
    });
    tokio::task::spawn_blocking(move || within.recv_timeout(Duration::from_secs(30)).unwrap())
        .await
        .unwrap();
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    leave.send(()).unwrap();
    assert_the_next_report_is_kept(&database, &store, &run).await;
    let history = store
        .list_run_events(run.key, Default::default())
        .await
        .unwrap()
        .unwrap();
    let names = history
        .items
        .iter()
        .flat_map(|event| &event.changes)
        .filter(|change| change.property == "displayName");
    // The report whose caller left was carried out whole.
    assert_eq!(names.count(), 3);
}
