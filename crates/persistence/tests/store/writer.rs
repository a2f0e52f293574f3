//! The writer under the store: what shares a statement shares nothing else.

use std::{
    future::{Future as _, poll_fn},
    sync::Arc,
    task::Poll,
};

use flowruns_domain::{
    Action, Decision, IfMatch, Outcome, PatchRejected, Run, RunKey, RunReport, RunState,
    RunStore as _, StoreErrorKind, Updated,
};
use flowruns_persistence::{ConnectOptions, PostgresStore};
use flowruns_testing::{
    fixtures::{self, counted, moment, new_run, origin, report, time},
    scratch::ScratchDatabase,
};
use futures_util::future::join_all;
use sqlx::{Connection as _, PgConnection};
use tokio::task::JoinHandle;

use crate::fixture::create_a_run;

type Answer = Result<Option<Updated<Run>>, flowruns_domain::StoreError>;

/// A store, a run of it, and a session that holds up every write until it is told to let go.
struct Scene {
    store: PostgresStore,
    run: Run,
    database: ScratchDatabase,
}

impl Scene {
    async fn new() -> Self {
        let database = ScratchDatabase::create().await;
        let store = database.store().await;
        let run = create_a_run(&store).await;
        Self {
            store,
            run,
            database,
        }
    }

    /// Another run of the same flow.
    async fn other_run(&self) -> RunKey {
        let id = fixtures::fresh_uuid().to_string().parse().unwrap();
        let key = self.run.key.flow_key().run(id);
        let creation = new_run().create(key, &origin()).unwrap();
        self.store.create_run(creation).await.unwrap();
        key
    }

    /// A session in a transaction.
    async fn holding(&self, statement: &'static str) -> PgConnection {
        let mut holder = PgConnection::connect_with(&self.database.owner())
            .await
            .unwrap();
        sqlx::raw_sql("BEGIN").execute(&mut holder).await.unwrap();
        sqlx::raw_sql(statement).execute(&mut holder).await.unwrap();
        holder
    }

    /// Reports, without waiting for the answer; when this returns the report waits in the writer.
    async fn begin(&self, key: RunKey, report: RunReport) -> JoinHandle<Answer> {
        let store = self.store.clone();
        let (begun, is_begun) = tokio::sync::oneshot::channel();
        let task = tokio::spawn(async move {
            let update = store.update_run(key, report);
            tokio::pin!(update);
            // The first poll puts it into the queue.
            let first = poll_fn(|context| Poll::Ready(update.as_mut().poll(context))).await;
            begun.send(()).unwrap();
            match first {
                Poll::Ready(answer) => answer,
                Poll::Pending => update.await,
            }
        });
        is_begun.await.unwrap();
        task
    }

    async fn history(&self, key: RunKey) -> Vec<flowruns_domain::RunEvent> {
        let page = self.store.list_run_events(key, Default::default()).await;
        page.unwrap().unwrap().items
    }
}

async fn release(mut holder: PgConnection) {
    sqlx::raw_sql("ROLLBACK")
        .execute(&mut holder)
        .await
        .unwrap();
}

fn counting(number: usize) -> RunReport {
    let (patch, origin) = (counted(&format!(r#"{{"n{number}":1}}"#)), origin());
    report(move |run| run.decide(&patch, &IfMatch::Absent, &origin))
}

/// Breaks a constraint of the table, which no rule of the domain would let through.
fn impossible() -> RunReport {
    let (patch, origin) = (counted(r#"{"bad":1}"#), origin());
    report(move |run| {
        let decision = run.decide(&patch, &IfMatch::Absent, &origin)?;
        let Decision::Changed(mut change) = decision else {
            return Ok(decision);
        };
        change.run.properties.state = RunState::Ended {
            outcome: Outcome::Failed,
            at: time("0001-01-01T00:00:00Z"),
        };
        Ok(Decision::Changed(change))
    })
}

fn is_changed(answer: &Answer) -> bool {
    matches!(answer, Ok(Some(Updated::Changed(_))))
}

const ALL: &str = "LOCK TABLE runs IN ACCESS EXCLUSIVE MODE";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_that_the_database_refuses_costs_itself_alone() {
    let scene = Scene::new().await;
    let mut keys = Vec::new();
    for _ in 0..8 {
        keys.push(scene.other_run().await);
    }
    let holder = scene.holding(ALL).await;
    let bad = scene.begin(scene.run.key, impossible()).await;
    let mut good = vec![scene.begin(scene.run.key, counting(0)).await];
    for (number, key) in keys.iter().enumerate() {
        good.push(scene.begin(*key, counting(number)).await);
    }
    release(holder).await;
    let refused = bad.await.unwrap().unwrap_err();
    assert!(
        matches!(refused.kind, StoreErrorKind::Conflict(_)),
        "{refused:?}"
    );
    for answer in join_all(good).await {
        let answer = answer.unwrap();
        assert!(is_changed(&answer), "{answer:?}");
    }
    assert_eq!(scene.history(scene.run.key).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_that_panics_costs_itself_alone() {
    let scene = Scene::new().await;
    let holder = scene.holding(ALL).await;
    let before = scene.begin(scene.run.key, counting(1)).await;
    let panics = |_: &Run| -> Result<Decision, PatchRejected> { panic!("a defect of a caller") };
    let panicking = scene.begin(scene.run.key, report(panics)).await;
    let after = scene.begin(scene.run.key, counting(2)).await;
    release(holder).await;
    let error = panicking.await.unwrap().unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Internal);
    assert!(is_changed(&before.await.unwrap()));
    assert!(is_changed(&after.await.unwrap()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_that_wait_together_are_decided_one_on_top_of_the_other() {
    const REPORTS: usize = 300;
    let scene = Scene::new().await;
    let holder = scene.holding(ALL).await;
    let mut reports = Vec::new();
    for number in 0..REPORTS {
        reports.push(scene.begin(scene.run.key, counting(number)).await);
    }
    release(holder).await;
    for (number, answer) in join_all(reports).await.into_iter().enumerate() {
        let Ok(Some(Updated::Changed(run))) = answer.unwrap() else {
            panic!("report {number} changed nothing");
        };
        assert_eq!(run.version.number() as usize, number + 2, "in order");
    }
    let run = scene.store.find_run(scene.run.key).await.unwrap().unwrap();
    assert_eq!(run.properties.statistics.members().iter().count(), REPORTS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_deletion_in_one_batch_the_run_is_absent() {
    let scene = Scene::new().await;
    let holder = scene.holding(ALL).await;
    let before = scene.begin(scene.run.key, counting(1)).await;
    let origin = origin();
    let deletion = report(move |run| run.decide_deletion(&IfMatch::Absent, &origin));
    let deletion = scene.begin(scene.run.key, deletion).await;
    let after = scene.begin(scene.run.key, counting(2)).await;
    release(holder).await;
    assert!(is_changed(&before.await.unwrap()));
    assert!(is_changed(&deletion.await.unwrap()));
    assert_eq!(after.await.unwrap().unwrap(), None);
    let mut connection = PgConnection::connect_with(&scene.database.owner())
        .await
        .unwrap();
    let last: String =
        sqlx::query_scalar("SELECT action FROM run_events ORDER BY version DESC LIMIT 1")
            .fetch_one(&mut connection)
            .await
            .unwrap();
    assert_eq!(last, Action::Deleted.as_str());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_somebody_holds_keeps_no_other_run_waiting() {
    let scene = Scene::new().await;
    let held = scene.run.key;
    let holder = scene.holding("SELECT FROM runs FOR UPDATE").await;
    let waiting = scene.begin(held, counting(1)).await;
    let other = scene.other_run().await;
    for number in 0..3 {
        let answer = scene.store.update_run(other, counting(number)).await;
        assert!(is_changed(&answer), "{answer:?}");
    }
    assert!(!waiting.is_finished());
    release(holder).await;
    assert!(is_changed(&waiting.await.unwrap()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_is_full_refuses_at_once_and_a_store_that_closes_answers_what_it_took() {
    let database = ScratchDatabase::create().await;
    let options = ConnectOptions {
        // One place of them is kept for what ends a run.
        writer_queue: 5,
        ..ConnectOptions::new(database.service())
    };
    let store = PostgresStore::connect(&options).await.unwrap();
    let run = create_a_run(&store).await;
    let scene = Scene {
        store,
        run,
        database,
    };
    let holder = scene.holding(ALL).await;
    let mut taken = Vec::new();
    for number in 0..4 {
        taken.push(scene.begin(scene.run.key, counting(number)).await);
    }
    let refused = scene.store.update_run(scene.run.key, counting(4)).await;
    assert_eq!(refused.unwrap_err().kind, StoreErrorKind::Overloaded);
    let closing = tokio::spawn({
        let store = scene.store.clone();
        async move { store.close().await }
    });
    release(holder).await;
    closing.await.unwrap();
    for answer in join_all(taken).await {
        let answer = answer.unwrap();
        assert!(is_changed(&answer), "{answer:?}");
    }
    let late = scene.store.update_run(scene.run.key, counting(5)).await;
    assert_eq!(late.unwrap_err().kind, StoreErrorKind::Unavailable);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_stores_on_one_hot_run_starve_nobody() {
    const REPORTS: usize = 100;
    let scene = Arc::new(Scene::new().await);
    let second = scene.database.store().await;
    let clients = (0..16).map(|client| {
        let store = match client % 2 {
            0 => scene.store.clone(),
            _ => second.clone(),
        };
        let key = scene.run.key;
        tokio::spawn(async move {
            for number in 0..REPORTS {
                let (patch, origin) = (counted(&format!(r#"{{"c{client}":{number}}}"#)), origin());
                let report = report(move |run| run.decide(&patch, &IfMatch::Absent, &origin));
                let answer = store.update_run(key, report).await;
                assert!(is_changed(&answer), "{answer:?}");
            }
        })
    });
    for client in join_all(clients).await {
        client.unwrap();
    }
    let run = scene.store.find_run(scene.run.key).await.unwrap().unwrap();
    assert_eq!(run.version.number() as usize, 1 + 16 * REPORTS);
    assert!(run.modified >= moment());
}
