//! The transaction with a row lock: a panic or a caller that disconnects does not leave a session in an open transaction.

use std::{sync::mpsc, time::Duration};

use flowruns_domain::{
    run::Run,
    store::{RunStore as _, StoreErrorKind},
};
use flowruns_persistence::{ConnectOptions, PostgresStore};
use flowruns_testing::{fixtures, scratch::ScratchDatabase};

use crate::fixture::{assert_the_next_report_is_kept, create_a_run, decide_in_transaction};

/// A store with a single pooled connection, so that the next report uses the session of the one before.
async fn store_with_a_run() -> (ScratchDatabase, PostgresStore, Run) {
    let database = ScratchDatabase::create().await;
    let options = ConnectOptions { max_connections: 1, ..ConnectOptions::new(database.service()) };
    let store = PostgresStore::connect(&options).await.unwrap();
    let run = create_a_run(&store).await;
    (database, store, run)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_within_the_transaction_fails_that_report_only() {
    let (database, store, run) = store_with_a_run().await;
    let decide = decide_in_transaction(database.owner(), fixtures::origin(), || {
        panic!("within the transaction")
    });
    let error = store.update_run(run.key, decide).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Internal);
    assert_the_next_report_is_kept(&database, &store, &run).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_whose_caller_leaves_within_the_transaction_is_written_completely() {
    let (database, store, run) = store_with_a_run().await;
    let (entered, within) = mpsc::channel();
    let (leave, left) = mpsc::channel::<()>();
    let left = std::sync::Mutex::new(left);
    let decide = decide_in_transaction(database.owner(), fixtures::origin(), move || {
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
    let history = store.list_run_events(run.key, Default::default()).await.unwrap().unwrap();
    let names = history
        .items
        .iter()
        .flat_map(|event| &event.changes)
        .filter(|change| change.property == "displayName");
    // The report whose caller left was written completely.
    assert_eq!(names.count(), 3);
}
