//! Reports while other sessions hold locks: a batch waits for a locked row for a moment, then the other rows are written.

use std::time::Duration;

use flowruns_domain::{
    id::{RunId, RunKey},
    store::{RunStore as _, Updated},
};
use flowruns_persistence::{ConnectOptions, PostgresStore};
use flowruns_testing::{
    fixtures::{fresh_uuid, new_run, origin},
    scratch::{ScratchCluster, ScratchDatabase, StatementLog},
};
use futures_util::future::join_all;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, raw_sql};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::{
    fixture::{create_a_run, wait_until},
    writer_fixture::{LOCK_RUNS, UpdateResult, WriterFixture, counting, is_changed, release},
};

/// A statement of the log that writes reports.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Write {
    /// It waits for locked rows.
    Waits,
    /// It skips locked rows.
    Skips,
}
use Write::{Skips, Waits};

fn writes(log: &mut StatementLog) -> Vec<Write> {
    let lines = log.take();
    let of_line = |line: &String| match line {
        line if line.starts_with("WITH written AS (") => Some(Waits),
        line if line.starts_with("WITH held AS ") => Some(Skips),
        _ => None,
    };
    lines.iter().filter_map(of_line).collect()
}

const A_READ_IS_BLOCKED: &str = "
    SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
        AND query LIKE 'SELECT number%')";

const A_WRITE_IS_BLOCKED: &str = "
    SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
        AND query LIKE '%written AS (%')";

/// For much longer than a statement waits for a row.
const A_WRITE_IS_BLOCKED_FOR_LONG: &str = "
    SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
        AND query LIKE '%written AS (%' AND clock_timestamp() - query_start > interval '200 ms')";

/// Every update of a run waits for locks as long as it takes.
const UPDATES_WAIT: &str = "
    CREATE FUNCTION wait_for_locks() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM set_config('lock_timeout', '0', true); RETURN NEW; END $$;
    CREATE TRIGGER wait_for_locks BEFORE UPDATE ON runs FOR EACH ROW EXECUTE FUNCTION wait_for_locks()";

/// An update waits, with its row locked, until another session waits for that row. It does so while that session holds an
/// advisory lock.
const WAIT_FOR_OPPONENT: &str = "
    CREATE FUNCTION wait_for_opponent() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM set_config('lock_timeout', '0', true);
            WHILE EXISTS (SELECT FROM pg_locks JOIN pg_database AS own ON own.oid = database
                    WHERE locktype = 'advisory' AND datname = current_database())
                AND NOT EXISTS (SELECT FROM pg_locks
                    WHERE NOT granted AND locktype = 'transactionid' AND transactionid = pg_current_xact_id()::xid)
            LOOP
                PERFORM pg_sleep(0.001);
            END LOOP;
            RETURN NEW;
        END $$";

const AN_UPDATE_WAITS_FOR_THE_OPPONENT: &str = "
    SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep')";

/// Every write of the history waits.
const LOCK_PARTITIONS: &str = "
    DO $$
        DECLARE partition regclass;
        BEGIN
            FOR partition IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'run_events'::regclass LOOP
                EXECUTE format('LOCK TABLE %s IN SHARE MODE', partition);
            END LOOP;
        END $$";

fn fresh_id() -> RunId {
    RunId::new(fresh_uuid()).unwrap()
}

fn lock_row(key: RunKey) -> String {
    format!("SELECT FROM runs WHERE id = '{}' FOR UPDATE", key.run.uuid())
}

/// A store whose reports wait for long.
async fn connect(database: &ScratchDatabase) -> PostgresStore {
    let options = ConnectOptions {
        retry_for: Duration::from_secs(60),
        ..ConnectOptions::new(database.service())
    };
    PostgresStore::connect(&options).await.unwrap()
}

/// A store whose reports wait for long, and the statements that it sends.
struct LockFixture {
    writer: WriterFixture,
    log: StatementLog,
    observer: PgConnection,
}

impl LockFixture {
    async fn new() -> Self {
        let database = ScratchDatabase::create().await;
        let log = database.statement_log().await;
        let mut observer = PgConnection::connect_with(&database.superuser()).await.unwrap();
        // PostgreSQL ends a deadlock with another session by failing the statement of the store.
        let name = database.name();
        let timeouts = format!(
            "ALTER DATABASE {name} SET deadlock_timeout = '10min';
            ALTER ROLE {} IN DATABASE {name} SET deadlock_timeout = '20ms'",
            ScratchCluster::SERVICE
        );
        raw_sql(AssertSqlSafe(timeouts)).execute(&mut observer).await.unwrap();
        let store = connect(&database).await;
        let run = create_a_run(&store).await;
        Self { writer: WriterFixture { store, run, database }, log, observer }
    }

    /// New runs, in the order of their keys.
    async fn runs<const COUNT: usize>(&self) -> [RunKey; COUNT] {
        let mut keys = [self.writer.run.key; COUNT];
        for key in &mut keys {
            *key = self.writer.other_run().await;
        }
        keys.sort();
        keys
    }

    async fn execute(&mut self, statements: &str) {
        raw_sql(AssertSqlSafe(statements.to_owned())).execute(&mut self.observer).await.unwrap();
    }

    async fn wait_until(&mut self, question: &str) {
        wait_until(&mut self.observer, question).await;
    }

    /// Sends a report of each run, which are written in one statement, while another session holds the locks of a statement.
    async fn begin_while_locked(&mut self, keys: &[RunKey], lock: &str) -> LockedBatch {
        let lock = format!("{lock}; SAVEPOINT rows; {LOCK_RUNS}");
        let mut locker = self.writer.locking(&lock).await;
        // The store waits for the table to read this run, and decides the others together afterwards.
        let absent = self.writer.run.key.flow_key().run(fresh_id());
        let absent = self.writer.begin(absent, counting(1)).await;
        self.wait_until(A_READ_IS_BLOCKED).await;
        let mut reports = Vec::new();
        for key in keys {
            reports.push(self.writer.begin(*key, counting(1)).await);
        }
        raw_sql("ROLLBACK TO SAVEPOINT rows").execute(&mut locker).await.unwrap();
        assert_eq!(absent.await.unwrap().unwrap(), None);
        LockedBatch { locker, reports }
    }
}

/// Reports that are written in one statement, except where a row is locked.
struct LockedBatch {
    /// Still holds the locks.
    locker: PgConnection,
    reports: Vec<JoinHandle<UpdateResult>>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_row_delays_no_other_report_of_its_batch() {
    let mut fixture = LockFixture::new().await;
    let keys: [_; 3] = fixture.runs().await;
    let LockedBatch { locker, mut reports } =
        fixture.begin_while_locked(&keys, &lock_row(keys[1])).await;
    let held = reports.remove(1);
    for report in reports {
        assert!(is_changed(&report.await.unwrap()));
    }
    assert!(!held.is_finished());
    assert_eq!(writes(&mut fixture.log)[..2], [Waits, Skips]);
    release(locker).await;
    assert!(is_changed(&held.await.unwrap()));
    assert_eq!(fixture.writer.history(keys[1]).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_row_is_locked_one_batch_waits_for_it() {
    let mut fixture = LockFixture::new().await;
    let held = fixture.writer.run.key;
    let locker = fixture.writer.locking(&lock_row(held)).await;
    let [other] = fixture.runs().await;
    let waiting = fixture.writer.begin(held, counting(1)).await;
    // More than the number of batches that skip locked rows after one that waited in vain.
    for number in 0..150 {
        let result = fixture.writer.store.update_run(other, counting(number)).await;
        assert!(is_changed(&result), "{result:?}");
    }
    let waits = writes(&mut fixture.log).into_iter().filter(|write| *write == Waits).count();
    assert_eq!(waits, 1);
    release(locker).await;
    assert!(is_changed(&waiting.await.unwrap()));
    let mut waits_again = false;
    for number in 150..300 {
        let result = fixture.writer.store.update_run(other, counting(number)).await;
        assert!(is_changed(&result), "{result:?}");
        waits_again |= writes(&mut fixture.log).contains(&Waits);
    }
    assert!(waits_again);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rows_of_a_batch_are_locked_in_the_order_of_their_keys() {
    let mut fixture = LockFixture::new().await;
    let second = fixture.writer.database.store().await;
    let mut keys = [(); 3].map(|()| fixture.writer.run.key.flow_key().run(fresh_id()));
    keys.sort();
    // The last two runs are decided first, since they are cached.
    for (key, store) in keys.iter().zip([&second, &fixture.writer.store, &fixture.writer.store]) {
        store.create_run(new_run().create(*key, &origin()).unwrap()).await.unwrap();
    }
    fixture.execute(UPDATES_WAIT).await;
    let LockedBatch { locker, reports } =
        fixture.begin_while_locked(&keys, &lock_row(keys[1])).await;
    fixture.wait_until(A_WRITE_IS_BLOCKED).await;
    let unlocked = "SELECT id FROM runs WHERE id = ANY($1) FOR UPDATE SKIP LOCKED";
    let ids = keys.map(|key| key.run.uuid());
    let unlocked: Vec<Uuid> =
        sqlx::query_scalar(unlocked).bind(ids).fetch_all(&mut fixture.observer).await.unwrap();
    assert_eq!(unlocked, [ids[2]]);
    release(locker).await;
    for report in reports {
        assert!(is_changed(&report.await.unwrap()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_deadlock_the_batch_is_written_without_the_rows_of_the_other_session() {
    let mut fixture = LockFixture::new().await;
    let keys: [_; 2] = fixture.runs().await;
    let trigger = format!(
        "{WAIT_FOR_OPPONENT};
        CREATE TRIGGER wait_for_opponent BEFORE UPDATE ON runs FOR EACH ROW
            WHEN (OLD.id = '{}') EXECUTE FUNCTION wait_for_opponent()",
        keys[0].run.uuid()
    );
    fixture.execute(&trigger).await;
    let lock = format!("{}; SELECT pg_advisory_xact_lock(1)", lock_row(keys[1]));
    let LockedBatch { mut locker, reports } = fixture.begin_while_locked(&keys, &lock).await;
    fixture.wait_until(AN_UPDATE_WAITS_FOR_THE_OPPONENT).await;
    // Returns when the statement that holds this row has failed: it waits for the row of this session.
    raw_sql(AssertSqlSafe(lock_row(keys[0]))).execute(&mut locker).await.unwrap();
    release(locker).await;
    for report in reports {
        let result = report.await.unwrap();
        assert!(is_changed(&result), "{result:?}");
    }
    assert_eq!(writes(&mut fixture.log)[..2], [Waits, Skips]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_table_is_waited_for_as_long_as_it_is_locked() {
    let mut fixture = LockFixture::new().await;
    let locker = fixture.writer.locking(LOCK_RUNS).await;
    let report = fixture.writer.begin(fixture.writer.run.key, counting(1)).await;
    fixture.wait_until(A_WRITE_IS_BLOCKED_FOR_LONG).await;
    release(locker).await;
    assert!(is_changed(&report.await.unwrap()));
    assert_eq!(writes(&mut fixture.log), [Waits]);
}

/// The statement locks the partitions when it is executed, so that its timeout has been set.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_partition_of_the_history_is_waited_for_by_the_statement_that_skips_rows() {
    let mut fixture = LockFixture::new().await;
    let locker = fixture.writer.locking(LOCK_PARTITIONS).await;
    let report = fixture.writer.begin(fixture.writer.run.key, counting(1)).await;
    fixture.wait_until(A_WRITE_IS_BLOCKED_FOR_LONG).await;
    release(locker).await;
    assert!(is_changed(&report.await.unwrap()));
    assert_eq!(writes(&mut fixture.log), [Waits, Skips]);
}

/// Sends a report of each run at once, and checks that each result is that of its own report.
async fn report_all(store: &PostgresStore, keys: &[RunKey], number: usize) {
    let reports = keys.iter().map(|key| store.update_run(*key, counting(number)));
    for (key, result) in keys.iter().zip(join_all(reports).await) {
        let Ok(Some(Updated::Changed(run))) = result else { panic!("{result:?}") };
        assert_eq!(run.key, *key);
        assert!(run.properties.statistics.text().contains(&format!(r#""n{number}":"#)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_stores_that_write_the_same_runs_in_opposite_orders_lose_no_report() {
    const ROUNDS: usize = 40;
    let mut fixture = LockFixture::new().await;
    let second = connect(&fixture.writer.database).await;
    let keys: [_; 24] = fixture.runs().await;
    let reversed: Vec<_> = keys.iter().rev().copied().collect();
    let forwards = async {
        for round in 0..ROUNDS {
            report_all(&fixture.writer.store, &keys, round).await;
        }
    };
    let backwards = async {
        for round in ROUNDS..2 * ROUNDS {
            report_all(&second, &reversed, round).await;
        }
    };
    tokio::join!(forwards, backwards);
    for key in keys {
        let run = fixture.writer.store.find_run(key).await.unwrap().unwrap();
        assert_eq!(run.version.number() as usize, 1 + 2 * ROUNDS);
        assert_eq!(run.properties.statistics.members().iter().count(), 2 * ROUNDS);
    }
    // Of each run every version once, the creation included.
    let complete = "SELECT count(*) FROM (SELECT FROM run_events GROUP BY run_id
        HAVING min(version) = 1 AND max(version) = count(*) AND count(DISTINCT version) = count(*) AND count(*) > 1) AS run";
    let complete: i64 =
        sqlx::query_scalar(complete).fetch_one(&mut fixture.observer).await.unwrap();
    assert_eq!(complete as usize, keys.len());
}
