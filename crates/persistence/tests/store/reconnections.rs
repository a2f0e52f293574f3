//! The writer's cache of runs: after a reconnection it is empty, since after a restore or a failover a version may have
//! other content.

use std::time::Duration;

use flowruns_domain::{
    id::RunKey,
    run::Run,
    store::{RunReport, RunStore as _, StoreError, StoreErrorKind, Updated},
    version::IfMatch,
};
use flowruns_persistence::{ConnectOptions, PostgresStore};
use flowruns_testing::{
    fixtures::{self, counted, new_run, origin, report},
    scratch::ScratchDatabase,
};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, raw_sql};
use tokio::{task::JoinHandle, time::timeout};

use crate::fixture::{create_a_run, wait_until};

const TIMEOUT: Duration = Duration::from_secs(60);

type UpdateResult = Result<Option<Updated<Run>>, StoreError>;

/// A store with two runs that it has written, and so has in its cache, and a session of the superuser.
struct RestoreFixture {
    database: ScratchDatabase,
    store: PostgresStore,
    restored: RunKey,
    other: RunKey,
    superuser: PgConnection,
}

impl RestoreFixture {
    async fn new() -> Self {
        let database = ScratchDatabase::create().await;
        let store = database.store().await;
        let restored = create_a_run(&store).await.key;
        let id = fixtures::fresh_uuid().to_string().parse().unwrap();
        let other = restored.flow_key().run(id);
        let creation = new_run().create(other, &origin()).unwrap();
        store.create_run(creation).await.unwrap();
        let superuser = PgConnection::connect_with(&database.superuser()).await.unwrap();
        Self { database, store, restored, other, superuser }
    }

    async fn count(&self, key: RunKey, member: &str) {
        let result = self.store.update_run(key, counting(member)).await;
        assert!(matches!(result, Ok(Some(Updated::Changed(_)))), "{result:?}");
    }

    /// Sends a report that changes nothing, which is decided on the row.
    async fn repeat(&self, key: RunKey, member: &str) {
        let result = self.store.update_run(key, counting(member)).await;
        assert!(matches!(result, Ok(Some(Updated::Unchanged(_)))), "{result:?}");
    }

    fn begin(&self, key: RunKey, member: &str) -> JoinHandle<UpdateResult> {
        let (store, report) = (self.store.clone(), counting(member));
        tokio::spawn(async move { store.update_run(key, report).await })
    }

    async fn execute(&mut self, statement: &str) {
        raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut self.superuser).await.unwrap();
    }

    async fn terminate(&mut self, condition: &str) {
        self.execute(&format!(
            "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid() AND {condition}"
        ))
        .await;
    }

    /// Gives the run other content under the same version, as a restored database may have.
    async fn restore(&mut self) {
        let id = self.restored.run.uuid();
        let restore =
            format!("UPDATE runs SET statistics = '{{\"restored\": 1}}' WHERE id = '{id}'");
        self.execute(&restore).await;
    }

    /// Checks that the next report of the run is decided on the stored row.
    async fn assert_decided_on_the_restored_row(&self) {
        self.count(self.restored, "after").await;
        let run = self.store.find_run(self.restored).await.unwrap().unwrap();
        let statistics = serde_json::to_value(run.properties.statistics.members()).unwrap();
        assert_eq!(statistics, json!({"after": 1, "restored": 1}));
    }
}

fn counting(member: &str) -> RunReport {
    let (patch, origin) = (counted(&format!(r#"{{"{member}":1}}"#)), origin());
    report(move |run| run.decide(&patch, &IfMatch::Absent, &origin))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_reconnection_no_report_is_decided_on_a_row_from_before() {
    let mut fixture = RestoreFixture::new().await;
    fixture.count(fixture.restored, "before").await;
    fixture.terminate("usename = 'flowruns_service'").await;
    fixture.restore().await;
    // This report reopens the broken connections; the next one must not use the cache from before.
    fixture.count(fixture.other, "meanwhile").await;
    fixture.assert_decided_on_the_restored_row().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_was_written_before_a_reconnection_is_not_in_the_cache_after_it() {
    let mut fixture = RestoreFixture::new().await;
    fixture.count(fixture.restored, "before").await;
    fixture.count(fixture.other, "before").await;
    fixture.repeat(fixture.other, "before").await;
    let mut locker = PgConnection::connect_with(&fixture.database.superuser()).await.unwrap();
    raw_sql("BEGIN; LOCK TABLE run_events IN SHARE MODE").execute(&mut locker).await.unwrap();
    let written = fixture.begin(fixture.restored, "held");
    wait_until(&mut fixture.superuser, BLOCKED).await;
    // The session that reads is idle; the one that writes waits for a lock.
    fixture
        .terminate("application_name = 'flowruns writer' AND state = 'idle' AND query LIKE '%FROM (VALUES%' AND query NOT LIKE '%INSERT%'")
        .await;
    // It changes nothing, so that its row is read.
    let other = fixture.begin(fixture.other, "before");
    wait_until(&mut fixture.superuser, READS_AGAIN).await;
    raw_sql("ROLLBACK").execute(&mut locker).await.unwrap();
    let (written, other) = (written.await.unwrap(), other.await.unwrap());
    assert!(matches!(written, Ok(Some(Updated::Changed(_)))), "{written:?}");
    assert!(matches!(other, Ok(Some(Updated::Unchanged(_)))), "{other:?}");
    fixture.restore().await;
    fixture.assert_decided_on_the_restored_row().await;
}

const BLOCKED: &str = "
    SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
        AND query LIKE '%written AS (%')";

const READS_AGAIN: &str = "
    SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle'
        AND application_name = 'flowruns writer' AND query LIKE '%FROM (VALUES%' AND query NOT LIKE '%INSERT%')";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_allows_no_connections_is_unavailable_until_it_does() {
    let fixture = RestoreFixture::new().await;
    let options = ConnectOptions {
        retry_for: Duration::from_millis(100),
        ..ConnectOptions::new(fixture.database.service())
    };
    let store = PostgresStore::connect(&options).await.unwrap();
    let elsewhere = fixture.database.superuser().database("postgres");
    let mut superuser = PgConnection::connect_with(&elsewhere).await.unwrap();
    let name = fixture.database.name();
    let mut allow = async |is_allowed: bool| {
        let statements = format!(
            "ALTER DATABASE {name} ALLOW_CONNECTIONS {is_allowed};
            SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
            WHERE datname = '{name}' AND usename = 'flowruns_service'"
        );
        raw_sql(AssertSqlSafe(statements)).execute(&mut superuser).await.unwrap();
    };
    allow(false).await;
    let key = fixture.restored;
    let read = store.find_run(key).await.unwrap_err();
    let written = store.update_run(key, counting("refused")).await.unwrap_err();
    for error in [read, written] {
        assert_eq!(error.kind, StoreErrorKind::Unavailable, "{error:?}");
    }
    allow(true).await;
    // An attempt may end before a connection is open, or before its report is written.
    let written = async {
        loop {
            match store.update_run(key, counting("after")).await {
                Err(error) if error.kind == StoreErrorKind::Unavailable => {}
                result => return result,
            }
        }
    };
    let result = timeout(TIMEOUT, written).await.expect("connections are opened again");
    assert!(matches!(result, Ok(Some(_))), "{result:?}");
}
