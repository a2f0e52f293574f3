//! What several modules use: a run in a store, a report that loses two races, and a proof that the next report is kept.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use flowruns_domain::{
    patch::Field,
    run::{ReportOrigin, Run, RunPatch},
    store::{RunReport, RunStore as _, Updated},
    version::IfMatch,
};
use flowruns_persistence::PostgresStore;
use flowruns_testing::{fixtures, scratch::ScratchDatabase};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, postgres::PgConnectOptions};

/// The call of `decide` that happens with the row locked: the first is on the cached run, which is outdated then, and a report
/// locks the row after two lost races.
const LOCKED: usize = 4;

/// Another session writes a new version of every run, so that the attempt in progress loses the race.
pub(crate) fn win_race(database: PgConnectOptions) {
    let overtaking = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
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

/// A report on a cached run that sets the display name in the transaction: the attempts before lose the race. `within` is
/// called in the transaction.
pub(crate) fn decide_in_transaction(
    database: PgConnectOptions,
    origin: ReportOrigin,
    within: impl Fn() + Send + Sync + 'static,
) -> RunReport {
    let calls = AtomicUsize::new(0);
    let patch =
        RunPatch { display_name: Field::Value(fixtures::name("third")), ..RunPatch::default() };
    fixtures::report(move |run| {
        if calls.fetch_add(1, Ordering::SeqCst) + 1 < LOCKED {
            win_race(database.clone());
        } else {
            within();
        }
        run.decide(&patch, &IfMatch::Absent, &origin)
    })
}

/// Creates a flow and a run of it.
pub(crate) async fn create_a_run(store: &PostgresStore) -> Run {
    let flow = fixtures::fresh_flow(fixtures::fresh_tenant());
    let key = flow.key.run(fixtures::fresh_uuid().to_string().parse().unwrap());
    flowruns_domain::store::FlowStore::create_flow(store, flow).await.unwrap();
    let creation = fixtures::new_run().create(key, &fixtures::origin()).unwrap();
    let run = creation.run.clone();
    store.create_run(creation).await.unwrap();
    run
}

/// Sends another report, and checks from another session that it was committed.
pub(crate) async fn assert_the_next_report_is_kept(
    database: &ScratchDatabase,
    store: &PostgresStore,
    run: &Run,
) {
    let name = format!("next {}", fixtures::fresh_uuid());
    let patch =
        RunPatch { display_name: Field::Value(fixtures::name(&name)), ..RunPatch::default() };
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

/// How long a test waits for what must happen.
const DEADLINE: Duration = Duration::from_secs(60);

/// Waits until the result of a query is true.
pub(crate) async fn wait_until(observer: &mut PgConnection, question: &str) {
    let is_so = || sqlx::query_scalar::<_, bool>(AssertSqlSafe(question.to_owned()));
    let started = Instant::now();
    while !is_so().fetch_one(&mut *observer).await.unwrap() {
        assert!(started.elapsed() < DEADLINE, "not within {DEADLINE:?}: {question}");
        tokio::task::yield_now().await;
    }
}
