//! A load of the checker, whose progress decides when a fault happens, and which is checked at its end.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use flowruns_checker::{
    Creation, Entry, HttpTarget, Length, Listing, LoadFailed, LoadPlan, Record, Report, Seen,
    Stored, Target, TargetResponse, check, run_load,
};
use flowruns_domain::id::{FlowId, RunId};
use tokio::{sync::watch, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::test_cluster::TestCluster;

/// Far longer than any fault lasts: a test that hangs fails instead.
const LIMIT: Duration = Duration::from_secs(120);
/// More violations are counted, but not printed.
const SHOWN: usize = 20;

/// Clients that report until they receive the signal to finish.
pub(crate) struct Load {
    acknowledged: watch::Sender<u64>,
    unknown: watch::Sender<u64>,
    stop: CancellationToken,
    task: JoinHandle<Result<Record, LoadFailed>>,
    first: Arc<dyn Target>,
}

impl Load {
    /// Each has one request in flight.
    pub(crate) const CLIENTS: u64 = 8;

    /// Starts the clients, against every server of the cluster.
    pub(crate) async fn start(cluster: &TestCluster) -> Self {
        let (first, token) = (cluster.servers[0].url(""), cluster.token.as_str());
        let flow = HttpTarget::create_flow(&first, token).await.unwrap();
        let servers = cluster.servers.iter();
        let targets = servers.map(|server| {
            Arc::new(HttpTarget::new(&server.url(""), token, flow).unwrap()) as Arc<dyn Target>
        });
        Self::start_on(targets.collect())
    }

    /// Starts the clients, against targets of one database.
    pub(crate) fn start_on(targets: Vec<Arc<dyn Target>>) -> Self {
        let first = Arc::clone(&targets[0]);
        let unknown = watch::Sender::new(0);
        let counting = |inner| {
            let unknown = unknown.clone();
            Arc::new(CountsUnknown { inner, unknown }) as Arc<dyn Target>
        };
        let targets: Vec<_> = targets.into_iter().map(counting).collect();
        let options = LoadPlan {
            clients: Self::CLIENTS as usize,
            length: Length::UntilStopped,
            ..LoadPlan::default()
        };
        let (acknowledged, stop) = (options.acknowledged.clone(), options.stop.clone());
        Self {
            acknowledged,
            unknown,
            stop,
            task: tokio::spawn(async move { run_load(&targets, &options).await }),
            first,
        }
    }

    /// Waits until `more` more reports were acknowledged.
    pub(crate) async fn acknowledged(&self, more: u64) {
        wait_for(&self.acknowledged, more).await;
    }

    /// Waits until `more` more requests ended with an unknown outcome.
    pub(crate) async fn unknown(&self, more: u64) {
        wait_for(&self.unknown, more).await;
    }

    /// Waits for whichever comes first.
    pub(crate) async fn acknowledged_or_unknown(&self, acknowledged: u64, unknown: u64) {
        tokio::select! {
            () = self.acknowledged(acknowledged) => {}
            () = self.unknown(unknown) => {}
        }
    }

    /// Stops the clients and checks their record.
    pub(crate) async fn finish(self) {
        self.stop.cancel();
        let record = self.task.await.unwrap().unwrap();
        let stored = Stored::read(&*self.first, &record).await.unwrap();
        if let Err(violations) = check(&record, &stored) {
            let shown: Vec<String> =
                violations.iter().take(SHOWN).map(ToString::to_string).collect();
            panic!("{} guarantees broken: {shown:#?}", violations.len());
        }
    }
}

async fn wait_for(count: &watch::Sender<u64>, more: u64) {
    let goal = *count.borrow() + more;
    let mut count = count.subscribe();
    let waited = timeout(LIMIT, count.wait_for(|count| *count >= goal)).await;
    assert!(waited.is_ok(), "the load makes no progress");
}

/// A target that counts the unknown outcomes.
struct CountsUnknown {
    inner: Arc<dyn Target>,
    unknown: watch::Sender<u64>,
}

impl CountsUnknown {
    fn count<T>(&self, response: TargetResponse<T>) -> TargetResponse<T> {
        if matches!(response, TargetResponse::Unknown(_)) {
            self.unknown.send_modify(|count| *count += 1);
        }
        response
    }
}

#[async_trait]
impl Target for CountsUnknown {
    fn flow(&self) -> FlowId {
        self.inner.flow()
    }

    async fn create(&self, creation: &Creation) -> TargetResponse<Seen> {
        self.count(self.inner.create(creation).await)
    }

    async fn patch(&self, run: RunId, report: &Report) -> TargetResponse<Seen> {
        self.count(self.inner.patch(run, report).await)
    }

    async fn get(&self, run: RunId) -> TargetResponse<Seen> {
        self.count(self.inner.get(run).await)
    }

    async fn list(&self, page_rows: u16) -> TargetResponse<Listing> {
        self.count(self.inner.list(page_rows).await)
    }

    async fn history(&self, run: RunId) -> TargetResponse<Vec<Entry>> {
        self.count(self.inner.history(run).await)
    }
}
