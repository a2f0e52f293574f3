//! The settings of a store's sessions, and the database that it requires.

use flowruns_domain::{
    id::FlowKey,
    idempotency::{IdempotencyKey, KeyClaim, Reserved},
    store::{IdempotencyStore as _, NotReady, RunStore as _, Store as _, Updated},
    version::IfMatch,
};
use flowruns_persistence::{ConnectOptions, PostgresStore, migrate};
use flowruns_testing::{
    fixtures::{counted, fresh_uuid, moment, origin, report},
    scratch::{ScratchCluster, ScratchDatabase},
};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, raw_sql};

use crate::fixture::{create_a_run, decide_in_transaction};

/// Records the setting of each session that writes.
const RECORD_SETTINGS: &str = "
    CREATE TABLE recorded (statement text, setting text);
    GRANT INSERT ON recorded TO PUBLIC;
    CREATE FUNCTION record() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO recorded VALUES (TG_OP || ' ' || TG_TABLE_NAME || ' by ' || current_setting('application_name'),
                current_setting('synchronous_commit'));
            RETURN NULL;
        END $$;
    CREATE TRIGGER record AFTER INSERT OR UPDATE OR DELETE ON runs FOR EACH ROW EXECUTE FUNCTION record();
    CREATE TRIGGER record AFTER INSERT OR UPDATE OR DELETE ON flows FOR EACH ROW EXECUTE FUNCTION record();
    CREATE TRIGGER record AFTER INSERT OR UPDATE OR DELETE ON idempotency_keys FOR EACH ROW EXECUTE FUNCTION record()";

async fn superuser(database: &ScratchDatabase) -> PgConnection {
    let options = database.superuser();
    PgConnection::connect_with(&options).await.unwrap()
}

async fn execute(connection: &mut PgConnection, statement: &str) {
    raw_sql(AssertSqlSafe(statement.to_owned())).execute(connection).await.unwrap();
}

/// Writes through every kind of session: the pool, the writer of reports, the task that creates runs, and the transaction.
async fn write_everything(store: &PostgresStore, database: &ScratchDatabase) {
    let run = create_a_run(store).await;
    let (patch, origin_of_report) = (counted(r#"{"n":1}"#), origin());
    let counting = report(move |run| run.decide(&patch, &IfMatch::Absent, &origin_of_report));
    let contended = decide_in_transaction(database.owner(), origin(), || ());
    for report in [counting, contended] {
        let result = store.update_run(run.key, report).await.unwrap();
        assert!(matches!(result, Some(Updated::Changed(_))), "{result:?}");
    }
    claim_a_key(store, run.key.flow_key()).await;
}

async fn claim_a_key(store: &PostgresStore, flow: FlowKey) {
    let claim = KeyClaim {
        key: IdempotencyKey { tenant: flow.tenant, digest: [1; 32] },
        request: [1; 32],
        attempt: fresh_uuid(),
        reserved: Reserved { id: fresh_uuid(), received: moment() },
    };
    store.claim_key(claim).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_session_waits_for_the_flush_whatever_the_settings_of_database_and_role() {
    for (configured, effective) in
        [("off", "on"), ("local", "on"), ("remote_write", "on"), ("remote_apply", "remote_apply")]
    {
        let database = ScratchDatabase::create().await;
        let mut superuser = superuser(&database).await;
        let (name, role) = (database.name(), ScratchCluster::SERVICE);
        let set = format!(
            "{RECORD_SETTINGS}; ALTER DATABASE {name} SET synchronous_commit = {configured};
             ALTER ROLE {role} IN DATABASE {name} SET synchronous_commit = {configured}"
        );
        execute(&mut superuser, &set).await;
        let store = database.store().await;
        let durability = store.durability().await.unwrap();
        assert_eq!(durability.synchronous_commit, configured);
        assert_eq!(durability.is_synchronous(), configured == "remote_apply");
        write_everything(&store, &database).await;

        let recorded = "SELECT DISTINCT statement, setting FROM recorded WHERE statement NOT LIKE '%by ' ORDER BY 1";
        let recorded: Vec<(String, String)> =
            sqlx::query_as(recorded).fetch_all(&mut superuser).await.unwrap();
        let expected = [
            "INSERT flows by flowruns",
            "INSERT idempotency_keys by flowruns",
            "INSERT runs by flowruns writer",
            "UPDATE runs by flowruns",
            "UPDATE runs by flowruns writer",
        ];
        let expected = expected.map(|statement| (statement.to_owned(), effective.to_owned()));
        assert_eq!(recorded, expected);
    }
}

/// A new role with the rights of the service, and at most `limit` connections.
async fn limited_role(superuser: &mut PgConnection, limit: u32) -> String {
    let name = format!("limited_{}", fresh_uuid().simple());
    let role = format!(
        "CREATE ROLE {name} LOGIN CONNECTION LIMIT {limit}; GRANT {} TO {name}",
        ScratchCluster::SERVICE
    );
    execute(superuser, &role).await;
    name
}

/// The purpose for which the store has no session, if one is missing.
async fn missing_session(store: &PostgresStore) -> Option<&'static str> {
    match store.check().await {
        Ok(()) => None,
        Err(NotReady::NoSession { purpose, .. }) => Some(purpose),
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_is_ready_only_while_each_task_of_the_writer_has_a_session() {
    let database = ScratchDatabase::create().await;
    let mut superuser = superuser(&database).await;
    for (limit, purpose) in [(1, "read runs for reports"), (2, "write reports"), (3, "create runs")]
    {
        let role = limited_role(&mut superuser, limit).await;
        let options = ConnectOptions::new(database.service().username(&role));
        let store = PostgresStore::connect(&options).await.unwrap();
        assert_eq!(missing_session(&store).await, Some(purpose));

        let raise = format!("ALTER ROLE {role} CONNECTION LIMIT 10");
        execute(&mut superuser, &raise).await;
        assert_eq!(missing_session(&store).await, None);
        create_a_run(&store).await;

        // Idle connections that broke are detected too, and reopened if possible.
        let terminate = format!(
            "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE usename = '{role}'"
        );
        execute(&mut superuser, &terminate).await;
        assert_eq!(missing_session(&store).await, None);
        let lower = format!("ALTER ROLE {role} CONNECTION LIMIT {limit}");
        execute(&mut superuser, &format!("{lower}; {terminate}")).await;
        assert_eq!(missing_session(&store).await, Some(purpose));
        store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_of_another_encoding_is_rejected() {
    let scratch = ScratchDatabase::create().await;
    let mut superuser = superuser(&scratch).await;
    for encoding in ["LATIN1", "SQL_ASCII"] {
        let name = format!("encoded_{}", fresh_uuid().simple());
        let create = format!(
            "CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0 OWNER {}",
            ScratchCluster::OWNER
        );
        execute(&mut superuser, &create).await;
        let what_to_do = format!("the database has the encoding {encoding} and must have UTF8");
        let rejected = [
            migrate::up(&scratch.owner().database(&name), moment()).await,
            migrate::status(&scratch.owner().database(&name)).await.map(drop),
        ];
        for rejected in rejected {
            let message = rejected.unwrap_err().to_string();
            assert!(message.contains(&what_to_do), "{message}");
        }
        let options = ConnectOptions::new(scratch.service().database(&name));
        let store = PostgresStore::connect(&options).await.unwrap();
        let not_ready = store.check().await.unwrap_err();
        assert!(matches!(not_ready, NotReady::Encoding(_)), "{not_ready:?}");
        let message = not_ready.to_string();
        assert!(message.contains(&what_to_do), "{message}");
    }
}
