//! The writer: reports that share a statement are independent of each other.

use std::sync::Arc;

use flowruns_domain::{
    rejection::Rejection,
    run::{Action, Decision, Outcome, Run, RunState},
    store::{RunReport, RunStore as _, StoreErrorKind, Updated},
    version::IfMatch,
};
use flowruns_persistence::{ConnectOptions, PostgresStore};
use flowruns_testing::{
    fixtures::{counted, moment, origin, report, time},
    scratch::ScratchDatabase,
};
use futures_util::future::join_all;
use sqlx::{Connection as _, PgConnection};

use crate::{
    fixture::create_a_run,
    writer_fixture::{LOCK_RUNS, WriterFixture, counting, is_changed, release},
};

/// A report that violates a constraint of the table, which the rules of the domain would reject.
fn violating() -> RunReport {
    let (patch, origin) = (counted(r#"{"bad":1}"#), origin());
    report(move |run| {
        let decision = run.decide(&patch, &IfMatch::Absent, &origin)?;
        let Decision::Changed(mut change) = decision else {
            return Ok(decision);
        };
        change.run.properties.state =
            RunState::Ended { outcome: Outcome::Failed, at: time("0001-01-01T00:00:00Z") };
        Ok(Decision::Changed(change))
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_that_the_database_rejects_fails_without_the_others_of_its_batch() {
    let fixture = WriterFixture::new().await;
    let mut keys = Vec::new();
    for _ in 0..8 {
        keys.push(fixture.other_run().await);
    }
    let locker = fixture.locking(LOCK_RUNS).await;
    let bad = fixture.begin(fixture.run.key, violating()).await;
    let mut good = vec![fixture.begin(fixture.run.key, counting(0)).await];
    for (number, key) in keys.iter().enumerate() {
        good.push(fixture.begin(*key, counting(number)).await);
    }
    release(locker).await;
    let rejected = bad.await.unwrap().unwrap_err();
    assert!(matches!(rejected.kind, StoreErrorKind::Conflict(_)), "{rejected:?}");
    for result in join_all(good).await {
        let result = result.unwrap();
        assert!(is_changed(&result), "{result:?}");
    }
    assert_eq!(fixture.history(fixture.run.key).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_that_panics_fails_without_the_others_of_its_run() {
    let fixture = WriterFixture::new().await;
    let locker = fixture.locking(LOCK_RUNS).await;
    let before = fixture.begin(fixture.run.key, counting(1)).await;
    let panics = |_: &Run| -> Result<Decision, Rejection> { panic!("a defect of a caller") };
    let panicking = fixture.begin(fixture.run.key, report(panics)).await;
    let after = fixture.begin(fixture.run.key, counting(2)).await;
    release(locker).await;
    let error = panicking.await.unwrap().unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Internal);
    assert!(is_changed(&before.await.unwrap()));
    assert!(is_changed(&after.await.unwrap()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_that_wait_together_are_decided_in_order_each_on_the_result_of_the_one_before() {
    const REPORTS: usize = 300;
    let fixture = WriterFixture::new().await;
    let locker = fixture.locking(LOCK_RUNS).await;
    let mut reports = Vec::new();
    for number in 0..REPORTS {
        reports.push(fixture.begin(fixture.run.key, counting(number)).await);
    }
    release(locker).await;
    for (number, result) in join_all(reports).await.into_iter().enumerate() {
        let Ok(Some(Updated::Changed(run))) = result.unwrap() else {
            panic!("report {number} changed nothing");
        };
        assert_eq!(run.version.number() as usize, number + 2, "in order");
    }
    let run = fixture.store.find_run(fixture.run.key).await.unwrap().unwrap();
    assert_eq!(run.properties.statistics.members().iter().count(), REPORTS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_deletion_in_one_batch_the_run_is_absent() {
    let fixture = WriterFixture::new().await;
    let locker = fixture.locking(LOCK_RUNS).await;
    let before = fixture.begin(fixture.run.key, counting(1)).await;
    let origin = origin();
    let deletion = report(move |run| run.decide_deletion(&IfMatch::Absent, &origin));
    let deletion = fixture.begin(fixture.run.key, deletion).await;
    let after = fixture.begin(fixture.run.key, counting(2)).await;
    release(locker).await;
    assert!(is_changed(&before.await.unwrap()));
    assert!(is_changed(&deletion.await.unwrap()));
    assert_eq!(after.await.unwrap().unwrap(), None);
    let mut connection = PgConnection::connect_with(&fixture.database.owner()).await.unwrap();
    let last: String =
        sqlx::query_scalar("SELECT action FROM run_events ORDER BY version DESC LIMIT 1")
            .fetch_one(&mut connection)
            .await
            .unwrap();
    assert_eq!(last, Action::Deleted.as_str());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_run_delays_no_other_run() {
    let fixture = WriterFixture::new().await;
    let held = fixture.run.key;
    let locker = fixture.locking("SELECT FROM runs FOR UPDATE").await;
    let waiting = fixture.begin(held, counting(1)).await;
    let other = fixture.other_run().await;
    for number in 0..3 {
        let result = fixture.store.update_run(other, counting(number)).await;
        assert!(is_changed(&result), "{result:?}");
    }
    assert!(!waiting.is_finished());
    release(locker).await;
    assert!(is_changed(&waiting.await.unwrap()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_rejects_at_once_and_a_store_that_closes_writes_what_it_accepted() {
    let database = ScratchDatabase::create().await;
    let options = ConnectOptions {
        // A part of it is reserved for reports that end a run.
        writer_queue: 5,
        ..ConnectOptions::new(database.service())
    };
    let store = PostgresStore::connect(&options).await.unwrap();
    let run = create_a_run(&store).await;
    let fixture = WriterFixture { store, run, database };
    let locker = fixture.locking(LOCK_RUNS).await;
    let mut accepted = Vec::new();
    for number in 0..4 {
        accepted.push(fixture.begin(fixture.run.key, counting(number)).await);
    }
    let rejected = fixture.store.update_run(fixture.run.key, counting(4)).await;
    assert_eq!(rejected.unwrap_err().kind, StoreErrorKind::Overloaded);
    let closing = tokio::spawn({
        let store = fixture.store.clone();
        async move { store.close().await }
    });
    release(locker).await;
    closing.await.unwrap();
    for result in join_all(accepted).await {
        let result = result.unwrap();
        assert!(is_changed(&result), "{result:?}");
    }
    let late = fixture.store.update_run(fixture.run.key, counting(5)).await;
    assert_eq!(late.unwrap_err().kind, StoreErrorKind::Unavailable);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_stores_that_write_one_run_both_make_progress() {
    const REPORTS: usize = 100;
    let fixture = Arc::new(WriterFixture::new().await);
    let second = fixture.database.store().await;
    let clients = (0..16).map(|client| {
        let store = match client % 2 {
            0 => fixture.store.clone(),
            _ => second.clone(),
        };
        let key = fixture.run.key;
        tokio::spawn(async move {
            for number in 0..REPORTS {
                let (patch, origin) = (counted(&format!(r#"{{"c{client}":{number}}}"#)), origin());
                let report = report(move |run| run.decide(&patch, &IfMatch::Absent, &origin));
                let result = store.update_run(key, report).await;
                assert!(is_changed(&result), "{result:?}");
            }
        })
    });
    for client in join_all(clients).await {
        client.unwrap();
    }
    let run = fixture.store.find_run(fixture.run.key).await.unwrap().unwrap();
    assert_eq!(run.version.number() as usize, 1 + 16 * REPORTS);
    assert!(run.modified >= moment());
}
