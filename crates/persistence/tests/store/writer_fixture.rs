//! A store whose reports wait in the queue while another session holds a lock.

use std::{
    future::{Future as _, poll_fn},
    task::Poll,
};

use flowruns_domain::{
    id::RunKey,
    run::Run,
    store::{RunReport, RunStore as _, Updated},
    version::IfMatch,
};
use flowruns_persistence::PostgresStore;
use flowruns_testing::{
    fixtures::{self, counted, new_run, origin, report},
    scratch::ScratchDatabase,
};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::task::JoinHandle;

use crate::fixture::create_a_run;

pub(crate) type UpdateResult = Result<Option<Updated<Run>>, flowruns_domain::store::StoreError>;

/// A store with a run, and a database in which another session can lock rows or tables.
pub(crate) struct WriterFixture {
    pub(crate) store: PostgresStore,
    pub(crate) run: Run,
    pub(crate) database: ScratchDatabase,
}

impl WriterFixture {
    pub(crate) async fn new() -> Self {
        let database = ScratchDatabase::create().await;
        let store = database.store().await;
        let run = create_a_run(&store).await;
        Self { store, run, database }
    }

    /// Another run of the same flow.
    pub(crate) async fn other_run(&self) -> RunKey {
        let id = fixtures::fresh_uuid().to_string().parse().unwrap();
        let key = self.run.key.flow_key().run(id);
        let creation = new_run().create(key, &origin()).unwrap();
        self.store.create_run(creation).await.unwrap();
        key
    }

    /// Another session that keeps the locks of some statements.
    pub(crate) async fn locking(&self, statements: &str) -> PgConnection {
        let mut locker = PgConnection::connect_with(&self.database.owner()).await.unwrap();
        sqlx::raw_sql("BEGIN").execute(&mut locker).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&mut locker).await.unwrap();
        locker
    }

    /// Sends a report without waiting for its result. When this returns, the report is in the queue.
    pub(crate) async fn begin(&self, key: RunKey, report: RunReport) -> JoinHandle<UpdateResult> {
        let store = self.store.clone();
        let (begun, is_begun) = tokio::sync::oneshot::channel();
        let task = tokio::spawn(async move {
            let update = store.update_run(key, report);
            tokio::pin!(update);
            // The first poll puts it into the queue.
            let first = poll_fn(|context| Poll::Ready(update.as_mut().poll(context))).await;
            begun.send(()).unwrap();
            match first {
                Poll::Ready(result) => result,
                Poll::Pending => update.await,
            }
        });
        is_begun.await.unwrap();
        task
    }

    pub(crate) async fn history(&self, key: RunKey) -> Vec<flowruns_domain::run::RunEvent> {
        let page = self.store.list_run_events(key, Default::default()).await;
        page.unwrap().unwrap().items
    }
}

pub(crate) async fn release(mut locker: PgConnection) {
    sqlx::raw_sql("ROLLBACK").execute(&mut locker).await.unwrap();
}

pub(crate) fn counting(number: usize) -> RunReport {
    let (patch, origin) = (counted(&format!(r#"{{"n{number}":1}}"#)), origin());
    report(move |run| run.decide(&patch, &IfMatch::Absent, &origin))
}

pub(crate) fn is_changed(result: &UpdateResult) -> bool {
    matches!(result, Ok(Some(Updated::Changed(_))))
}

pub(crate) const LOCK_RUNS: &str = "LOCK TABLE runs IN ACCESS EXCLUSIVE MODE";
