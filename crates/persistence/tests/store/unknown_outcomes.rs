//! Writes whose connection breaks before the response, and that are committed later: the report gets the result of that
//! write, and is not applied twice.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use flowruns_domain::{
    rejection::Rejection,
    run::{Decision, Run},
    store::{RunReport, RunStore as _, StoreError, Updated},
    version::IfMatch,
};
use flowruns_persistence::{ConnectOptions, PostgresStore};
use flowruns_testing::{
    fixtures::{counted, origin, report},
    scratch::ScratchDatabase,
};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, raw_sql};
use tokio::task::JoinHandle;

use crate::{
    fixture::{create_a_run, wait_until},
    withholding_proxy::WithholdingProxy,
};

/// Every insertion into the history waits for an advisory lock of the test, as long as it takes.
const HISTORY_WAITS: &str = "
    CREATE FUNCTION wait_for_test() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM set_config('lock_timeout', '0', true);
            PERFORM pg_advisory_xact_lock_shared(1);
            RETURN NEW;
        END $$;
    CREATE TRIGGER wait_for_test BEFORE INSERT ON run_events FOR EACH ROW EXECUTE FUNCTION wait_for_test()";

type UpdateResult = Result<Option<Updated<Run>>, StoreError>;

/// A store whose writes can be withheld, with a run that it has written.
struct ProxyFixture {
    database: ScratchDatabase,
    proxy: WithholdingProxy,
    store: PostgresStore,
    run: Run,
}

impl ProxyFixture {
    async fn new() -> Self {
        let database = ScratchDatabase::create().await;
        let proxy = WithholdingProxy::start(database.service());
        let options = ConnectOptions {
            retry_for: Duration::from_secs(60),
            ..ConnectOptions::new(proxy.options())
        };
        let store = PostgresStore::connect(&options).await.unwrap();
        let run = create_a_run(&store).await;
        // Prepares the statement that writes, which the proxy recognizes.
        let (patch, origin) = (counted(r#"{"first":1}"#), origin());
        let first = report(move |run| run.decide(&patch, &IfMatch::Absent, &origin));
        let Ok(Some(Updated::Changed(run))) = store.update_run(run.key, first).await else {
            panic!("the first report was not written");
        };
        Self { database, proxy, store, run }
    }

    async fn superuser(&self) -> PgConnection {
        let options = self.database.superuser();
        PgConnection::connect_with(&options).await.unwrap()
    }

    fn begin(&self, report: RunReport) -> JoinHandle<UpdateResult> {
        let (store, key) = (self.store.clone(), self.run.key);
        tokio::spawn(async move { store.update_run(key, report).await })
    }

    /// The report was written once, and its result says so.
    async fn assert_written_once(&self, result: UpdateResult) {
        let Ok(Some(Updated::Changed(run))) = result else {
            panic!("{result:?}");
        };
        let stored = self.store.find_run(run.key).await.unwrap().unwrap();
        assert_eq!(run, stored);
        let page = self.store.list_run_events(run.key, Default::default());
        let history = page.await.unwrap().unwrap().items;
        assert_eq!(history.len(), 3, "{history:#?}");
    }
}

/// Waits until a session of this database waits for a lock in a statement that contains this.
async fn wait_for_blocked(observer: &mut PgConnection, statement: &str) {
    let question = format!(
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
            AND wait_event_type = 'Lock' AND query LIKE '%{statement}%')"
    );
    wait_until(observer, &question).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_becomes_visible_late_is_not_rejected_because_of_its_own_version() {
    let mut fixture = ProxyFixture::new().await;
    let mut superuser = fixture.superuser().await;
    let blocking = format!("{HISTORY_WAITS}; SELECT pg_advisory_lock(1)");
    raw_sql(AssertSqlSafe(blocking)).execute(&mut superuser).await.unwrap();
    let mut observer = fixture.superuser().await;

    fixture.proxy.withhold_next_write();
    let only_this_version = IfMatch::OneOf(vec![fixture.run.tag()]);
    let (patch, origin) = (counted(r#"{"second":2}"#), origin());
    let result = fixture.begin(report(move |run| run.decide(&patch, &only_this_version, &origin)));
    let write = fixture.proxy.withheld().await.deliver().await;
    wait_for_blocked(&mut observer, "written AS (").await;
    let _session_that_commits_later = write.disconnect();
    // By then two more attempts have lost the race to the first one, and have not found its event.
    wait_for_blocked(&mut observer, "IS NULL FOR NO KEY UPDATE").await;
    raw_sql("SELECT pg_advisory_unlock(1)").execute(&mut superuser).await.unwrap();
    fixture.assert_written_once(result.await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_is_not_rejected_while_an_earlier_attempt_of_it_may_still_be_committed() {
    let mut fixture = ProxyFixture::new().await;
    let calls = AtomicUsize::new(0);
    let (rejecting, mut when_rejecting) = tokio::sync::mpsc::unbounded_channel();
    let (committed, when_committed) = mpsc::channel();
    let when_committed = Mutex::new(when_committed);
    let (patch, origin) = (counted(r#"{"second":2}"#), origin());
    let decide = move |run: &Run| -> Result<Decision, Rejection> {
        let call = calls.fetch_add(1, Ordering::SeqCst);
        if call == 0 {
            return run.decide(&patch, &IfMatch::Absent, &origin);
        }
        if call == 1 {
            // The run was read, and the event was not found.
            rejecting.send(()).unwrap();
            tokio::task::block_in_place(|| when_committed.lock().unwrap().recv().unwrap());
        }
        // As if an earlier report, on whose result it was decided, was not committed.
        Err(Rejection::PreconditionFailed)
    };
    fixture.proxy.withhold_next_write();
    let result = fixture.begin(report(decide));
    let abandoned = fixture.proxy.withheld().await.disconnect();
    when_rejecting.recv().await.unwrap();
    abandoned.carry_out().await;
    committed.send(()).unwrap();
    fixture.assert_written_once(result.await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn either_of_two_attempts_with_unknown_outcomes_may_be_committed() {
    for later_is_first in [false, true] {
        let mut fixture = ProxyFixture::new().await;
        let (patch, origin) = (counted(r#"{"second":2}"#), origin());
        let only_this_version = IfMatch::OneOf(vec![fixture.run.tag()]);
        fixture.proxy.withhold_next_write();
        let result =
            fixture.begin(report(move |run| run.decide(&patch, &only_this_version, &origin)));
        let mut abandoned = Vec::new();
        for more in [true, true, false] {
            let write = fixture.proxy.withheld().await;
            if more {
                fixture.proxy.withhold_next_write();
                abandoned.push(write.disconnect());
                continue;
            }
            // The third attempt waits until one of the others was committed, and loses the race.
            if later_is_first {
                abandoned.reverse();
            }
            for attempt in abandoned.drain(..) {
                attempt.carry_out().await;
            }
            abandoned.push(write.disconnect());
        }
        fixture.assert_written_once(result.await.unwrap()).await;
    }
}
