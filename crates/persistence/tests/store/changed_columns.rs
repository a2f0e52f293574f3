//! A migration that changes the types of columns beside a running service: statements that its sessions have prepared are refused,
//! so the sessions are replaced and the statements repeated.

use std::time::{Duration, Instant};

use flowruns_domain::{
    flow::Flow,
    run::Run,
    store::{FlowStore as _, RunStore as _, Updated},
    version::IfMatch,
};
use flowruns_persistence::{ConnectOptions, PostgresStore};
use flowruns_testing::{
    fixtures::{self, counted, fresh_flow, fresh_tenant, new_run, origin, report},
    scratch::ScratchDatabase,
};
use futures_util::future::{join, try_join_all};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, query_scalar, raw_sql};

use crate::fixture::decide_in_transaction;

/// As many as the pool has connections.
const CONCURRENT: usize = 16;
/// Two migrations of the columns that reads return, one shortly after the other.
const TO_VARCHAR: &str = "
    ALTER TABLE runs ALTER COLUMN display_name TYPE varchar(1000), ALTER COLUMN status TYPE varchar(100)";
const EVENTS_AND_FLOWS_TO_VARCHAR: &str = "
    ALTER TABLE run_events ALTER COLUMN actor TYPE varchar(1000);
    ALTER TABLE flows ALTER COLUMN display_name TYPE varchar(1000)";
const TO_TEXT: &str = "
    ALTER TABLE runs ALTER COLUMN display_name TYPE text, ALTER COLUMN status TYPE text;
    ALTER TABLE run_events ALTER COLUMN actor TYPE text;
    ALTER TABLE flows ALTER COLUMN display_name TYPE text";

/// Longer than anything takes that succeeds.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The sessions that wait for a lock of a table.
const WAITING: &str = "
    SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database
    WHERE NOT granted AND datname = current_database() AND relation = to_regclass($1)";

struct Fixture {
    database: ScratchDatabase,
    store: PostgresStore,
    flow: Flow,
    run: Run,
    owner: PgConnection,
}

impl Fixture {
    async fn new() -> Self {
        let database = ScratchDatabase::create().await;
        let options = ConnectOptions {
            acquire_timeout: TIMEOUT,
            statement_timeout: 2 * TIMEOUT,
            ..ConnectOptions::new(database.service())
        };
        let store = PostgresStore::connect(&options).await.unwrap();
        let flow = fresh_flow(fresh_tenant());
        store.create_flow(flow.clone()).await.unwrap();
        let run = create_run(&store, &flow).await;
        let owner = PgConnection::connect_with(&database.owner()).await.unwrap();
        Self { database, store, flow, run, owner }
    }

    async fn migrate(&mut self, statements: &'static str) {
        raw_sql(statements).execute(&mut self.owner).await.unwrap();
    }

    /// Reads on all connections of the pool at once: the reads of a table wait for a lock until all connections have one of them.
    async fn read_on_all_connections(&self) {
        for table in ["runs", "flows", "run_events"] {
            let mut owner = PgConnection::connect_with(&self.database.owner()).await.unwrap();
            let lock = format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE");
            raw_sql(AssertSqlSafe(lock)).execute(&mut owner).await.unwrap();
            let all_wait = async {
                let deadline = Instant::now() + TIMEOUT;
                loop {
                    let waiting = query_scalar(WAITING).bind(table).fetch_one(&mut owner);
                    let waiting: i64 = waiting.await.unwrap();
                    if waiting == CONCURRENT as i64 {
                        break;
                    }
                    assert!(Instant::now() < deadline, "{waiting} reads of {table} wait");
                    tokio::task::yield_now().await;
                }
                assert_eq!(self.store.load().connections, CONCURRENT as u32);
                raw_sql("COMMIT").execute(&mut owner).await.unwrap();
            };
            join(self.read(), all_wait).await;
        }
    }

    async fn read(&self) {
        let reads = (0..CONCURRENT).map(|_| async {
            let run = self.store.find_run(self.run.key).await?;
            assert!(run.is_some());
            let flow = self.store.find_flow(self.flow.key).await?;
            assert!(flow.is_some());
            self.store.list_run_events(self.run.key, Default::default()).await
        });
        let histories = try_join_all(reads).await.unwrap();
        assert!(histories.iter().all(Option::is_some));
    }

    /// A report that changes nothing: it is decided on the row, which the writer reads.
    async fn repeat_a_report(&self) {
        let (patch, origin) = (counted("{}"), origin());
        let report = report(move |run| run.decide(&patch, &IfMatch::Absent, &origin));
        let updated = self.store.update_run(self.run.key, report).await;
        assert!(matches!(updated, Ok(Some(Updated::Unchanged(_)))), "{updated:?}");
    }

    async fn report(&self, member: &str) {
        let (patch, origin) = (counted(&format!(r#"{{"{member}":1}}"#)), origin());
        let report = report(move |run| run.decide(&patch, &IfMatch::Absent, &origin));
        let updated = self.store.update_run(self.run.key, report).await;
        assert!(matches!(updated, Ok(Some(Updated::Changed(_)))), "{updated:?}");
    }

    /// A report of a new run that is written in a transaction on a connection of the pool.
    async fn report_with_a_lock(&self) {
        let run = create_run(&self.store, &self.flow).await;
        let report = decide_in_transaction(self.database.owner(), origin(), || {});
        let updated = self.store.update_run(run.key, report).await;
        assert!(matches!(updated, Ok(Some(Updated::Changed(_)))), "{updated:?}");
    }
}

async fn create_run(store: &PostgresStore, flow: &Flow) -> Run {
    let key = flow.key.run(fixtures::fresh_uuid().to_string().parse().unwrap());
    let creation = new_run().create(key, &origin()).unwrap();
    let run = creation.run.clone();
    store.create_run(creation).await.unwrap();
    run
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_continue_after_columns_have_changed_their_types() {
    let mut fixture = Fixture::new().await;
    fixture.read_on_all_connections().await;
    fixture.migrate(TO_VARCHAR).await;
    fixture.migrate(EVENTS_AND_FLOWS_TO_VARCHAR).await;
    fixture.read_on_all_connections().await;
    fixture.migrate(TO_TEXT).await;
    fixture.read().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_and_creations_continue_after_columns_have_changed_their_types() {
    let mut fixture = Fixture::new().await;
    fixture.repeat_a_report().await;
    fixture.report("before").await;
    fixture.migrate(TO_VARCHAR).await;
    fixture.report("after").await;
    fixture.repeat_a_report().await;
    fixture.migrate(TO_TEXT).await;
    fixture.repeat_a_report().await;
    create_run(&fixture.store, &fixture.flow).await;
    assert_eq!(fixture.store.find_run(fixture.run.key).await.unwrap().unwrap().version.number(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_that_wait_for_a_lock_continue_after_columns_have_changed_their_types() {
    let mut fixture = Fixture::new().await;
    fixture.report_with_a_lock().await;
    fixture.migrate(TO_VARCHAR).await;
    fixture.report_with_a_lock().await;
}

/// A policy that refuses every row, with the error of an outdated statement.
const REFUSE: &str = "
    CREATE FUNCTION refuse() RETURNS boolean LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'feature_not_supported'; END $$;
    CREATE POLICY refused ON runs USING (refuse());
    ALTER TABLE runs ENABLE ROW LEVEL SECURITY";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_a_new_session_refuses_too_fails_after_some_attempts() {
    let mut fixture = Fixture::new().await;
    let options = ConnectOptions {
        retry_for: Duration::from_millis(100),
        acquire_timeout: TIMEOUT,
        ..ConnectOptions::new(fixture.database.service())
    };
    let store = PostgresStore::connect(&options).await.unwrap();
    fixture.migrate(REFUSE).await;
    assert!(store.find_run(fixture.run.key).await.is_err());
    assert!(store.find_flow(fixture.flow.key).await.unwrap().is_some());
}
