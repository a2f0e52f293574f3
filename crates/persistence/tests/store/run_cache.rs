//! The cache of runs: it saves reads, and an outdated run in it costs one read and nothing else.

use std::sync::{Arc, Mutex};

use flowruns_domain::{
    id::RunKey,
    json::JsonObject,
    run::{Action, Run},
    store::{RunStore as _, Updated},
    version::IfMatch,
};
use flowruns_persistence::PostgresStore;
use flowruns_testing::{
    fixtures::{counted, fresh_uuid, moment, new_run, origin, origin_at, report, time},
    scratch::ScratchDatabase,
};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, raw_sql};

use crate::fixture::{create_a_run, win_race};

/// Two servers on one database.
struct TwoStores {
    database: ScratchDatabase,
    ours: PostgresStore,
    theirs: PostgresStore,
    run: Run,
}

impl TwoStores {
    async fn new() -> Self {
        let database = ScratchDatabase::create().await;
        let (ours, theirs) = (database.store().await, database.store().await);
        let run = create_a_run(&ours).await;
        Self { database, ours, theirs, run }
    }

    /// Another run of the same flow.
    async fn other_run(&self) -> RunKey {
        let id = fresh_uuid().to_string().parse().unwrap();
        let key = self.run.key.flow_key().run(id);
        self.ours.create_run(new_run().create(key, &origin()).unwrap()).await.unwrap();
        key
    }

    async fn execute(&self, statement: String) {
        let mut owner = PgConnection::connect_with(&self.database.owner()).await.unwrap();
        raw_sql(AssertSqlSafe(statement)).execute(&mut owner).await.unwrap();
    }

    /// Makes the row differ from every copy of it, under the same version.
    async fn mark_rows(&self, mark: i32) {
        self.execute(format!("UPDATE runs SET statistics = '{{\"row\":{mark}}}'")).await;
    }
}

fn shown(members: &JsonObject) -> Value {
    serde_json::to_value(members).unwrap()
}

/// Adds a member to the statistics. Returns on which versions the report was decided, and the statistics after it.
async fn count(store: &PostgresStore, key: RunKey, member: &str) -> (Vec<i64>, Value) {
    count_at(store, key, member, "2026-03-01T08:30:00Z").await
}

async fn count_at(
    store: &PostgresStore,
    key: RunKey,
    member: &str,
    received: &str,
) -> (Vec<i64>, Value) {
    let decided: Arc<Mutex<Vec<i64>>> = Arc::default();
    let versions = Arc::clone(&decided);
    let (patch, origin) = (counted(&format!(r#"{{"{member}":1}}"#)), origin_at(time(received)));
    let report = report(move |run| {
        versions.lock().unwrap().push(run.version.number());
        run.decide(&patch, &IfMatch::Absent, &origin)
    });
    let Ok(Some(Updated::Changed(run))) = store.update_run(key, report).await else {
        panic!("the report changes the run");
    };
    let decided = decided.lock().unwrap().clone();
    (decided, shown(&run.properties.statistics.members()))
}

async fn stored(store: &PostgresStore, key: RunKey) -> Value {
    let run = store.find_run(key).await.unwrap().unwrap();
    shown(&run.properties.statistics.members())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_created_run_and_a_written_run_need_no_read() {
    let stores = TwoStores::new().await;
    let key = stores.run.key;
    stores.mark_rows(1).await;
    // Decided on the created run: the row would have shown the mark.
    let (decided, statistics) = count(&stores.ours, key, "a").await;
    assert_eq!((decided, statistics), (vec![1], json!({"a": 1})));
    stores.mark_rows(2).await;
    let (decided, statistics) = count(&stores.ours, key, "b").await;
    assert_eq!((decided, statistics), (vec![2], json!({"a": 1, "b": 1})));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_cache_every_report_reads() {
    let database = ScratchDatabase::create().await;
    let store = database.store_with_cache(0).await;
    let key = create_a_run(&store).await.key;
    count(&store, key, "a").await;
    let mut owner = PgConnection::connect_with(&database.owner()).await.unwrap();
    let mark = r#"UPDATE runs SET statistics = '{"row":1}'"#;
    raw_sql(mark).execute(&mut owner).await.unwrap();
    let (_, statistics) = count(&store, key, "b").await;
    assert_eq!(statistics, json!({"b": 1, "row": 1}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_another_server_changed_is_read_once_and_nothing_is_lost() {
    let stores = TwoStores::new().await;
    let key = stores.run.key;
    count(&stores.ours, key, "a").await;
    count(&stores.theirs, key, "b").await;
    let (decided, statistics) = count(&stores.ours, key, "c").await;
    assert_eq!((decided, statistics), (vec![2, 3], json!({"a": 1, "b": 1, "c": 1})));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_without_a_change_is_decided_on_the_row() {
    let stores = TwoStores::new().await;
    let key = stores.run.key;
    count(&stores.ours, key, "a").await;
    // Deletes the member that our cache has.
    let (patch, by) = (counted(r#"{"a":null}"#), origin());
    let delete = report(move |run| run.decide(&patch, &IfMatch::Absent, &by));
    stores.theirs.update_run(key, delete).await.unwrap();
    let (decided, statistics) = count(&stores.ours, key, "a").await;
    assert_eq!((decided, statistics), (vec![2, 3], json!({"a": 1})));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_stays_in_the_cache_after_a_report_without_a_change() {
    let stores = TwoStores::new().await;
    let key = stores.run.key;
    count(&stores.ours, key, "a").await;
    let (patch, by) = (counted(r#"{"a":1}"#), origin());
    let repeated = report(move |run| run.decide(&patch, &IfMatch::Absent, &by));
    let updated = stores.ours.update_run(key, repeated).await;
    assert!(matches!(updated, Ok(Some(Updated::Unchanged(_)))), "{updated:?}");
    stores.mark_rows(1).await;
    // Decided on the cache: the row would have shown the mark.
    let (decided, statistics) = count(&stores.ours, key, "b").await;
    assert_eq!((decided, statistics), (vec![2], json!({"a": 1, "b": 1})));
}

/// A lost guard of the cache must not count as one of the two races after which a report waits for a lock.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outdated_run_in_the_cache_is_no_lost_race() {
    let stores = TwoStores::new().await;
    let database = stores.database.owner();
    let calls = Mutex::new(0);
    let (patch, by) = (counted(r#"{"a":1}"#), origin());
    let racing = report(move |run| {
        let mut calls = calls.lock().unwrap();
        *calls += 1;
        // While the row is locked, this would wait for ever.
        if *calls <= 3 {
            win_race(database.clone());
        }
        run.decide(&patch, &IfMatch::Absent, &by)
    });
    let updated = stores.ours.update_run(stores.run.key, racing).await;
    let Ok(Some(Updated::Changed(run))) = updated else { panic!("{updated:?}") };
    assert_eq!(run.version.number(), 5);
}

/// A table can be restored without a new session, and then other reports may lead to the same version.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_table_was_restored_no_report_is_decided_on_a_version_from_before() {
    let stores = TwoStores::new().await;
    let key = stores.run.key;
    stores.execute("CREATE TABLE backup AS SELECT * FROM runs".to_owned()).await;
    count_at(&stores.ours, key, "lost", "2026-03-01T09:00:00Z").await;
    stores
        .execute(
            "BEGIN; DELETE FROM run_events WHERE version > 1; DELETE FROM runs;
            INSERT INTO runs SELECT * FROM backup; COMMIT"
                .to_owned(),
        )
        .await;
    count_at(&stores.theirs, key, "other", "2026-03-01T09:00:01Z").await;
    let (_, statistics) = count_at(&stores.ours, key, "after", "2026-03-01T09:00:02Z").await;
    assert_eq!(statistics, json!({"after": 1, "other": 1}));
    assert_eq!(stored(&stores.theirs, key).await, statistics);
}

/// Two servers without affinity: after a while, runs are read instead of losing their guards, until the other one is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_most_cached_runs_are_outdated_runs_are_read() {
    let stores = TwoStores::new().await;
    let key = stores.run.key;
    let mut decided = Vec::new();
    for turn in 0..40 {
        count(&stores.theirs, key, &format!("theirs{turn}")).await;
        decided = count(&stores.ours, key, &format!("ours{turn}")).await.0;
        let expected = if turn < 32 { 2 } else { 1 };
        assert_eq!(decided.len(), expected, "{turn}: {decided:?}");
    }
    assert_eq!(decided.len(), 1);
    let mut mark = 0;
    loop {
        mark += 1;
        stores.mark_rows(mark).await;
        let (_, statistics) = count(&stores.ours, key, &format!("alone{mark}")).await;
        if statistics.get("row") != Some(&json!(mark)) {
            break;
        }
        assert!(mark < 200, "the cache is used again");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_run_is_absent_whatever_the_cache_had() {
    let stores = TwoStores::new().await;
    let key = stores.other_run().await;
    count(&stores.ours, key, "a").await;
    let by = origin_at(moment());
    let deletion = report(move |run| run.decide_deletion(&IfMatch::Absent, &by));
    let deleted = stores.theirs.update_run(key, deletion).await.unwrap();
    let Some(Updated::Changed(_)) = deleted else { panic!("{deleted:?}") };
    let (patch, by) = (counted(r#"{"b":1}"#), origin());
    let late = report(move |run| run.decide(&patch, &IfMatch::Absent, &by));
    assert_eq!(stores.ours.update_run(key, late).await.unwrap(), None);
    let mut owner = PgConnection::connect_with(&stores.database.owner()).await.unwrap();
    let last = sqlx::query_scalar(
        "SELECT action FROM run_events WHERE run_id = $1 ORDER BY version DESC LIMIT 1",
    );
    let last: String = last.bind(key.run.uuid()).fetch_one(&mut owner).await.unwrap();
    assert_eq!(last, Action::Deleted.as_str());
}
