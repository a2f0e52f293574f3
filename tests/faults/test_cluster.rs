//! A database, servers on it, and what must be true of them after a fault.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use flowruns_embedded::ClusterOptions;
use flowruns_testing::harness::{ApiClient, ApiResponse, ServerProcess, data_folder};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    FLOWRUNS,
    database::{Database, durable_in},
};

/// A free port of an address that no client has: a client's own port could otherwise be the one that a server needs when it
/// starts again.
const ANY_PORT: &str = "127.0.0.2:0";
/// Longer than a statement may run; the service's own time-out of idle transactions comes later.
const LONGEST_WORK: Duration = Duration::from_secs(15);
/// The number of readiness requests before a server must be ready; one that is not ready responds late.
const LONGEST_RECOVERY: usize = 1000;
const PAUSE: Duration = Duration::from_millis(20);

/// The sessions of the servers that are at work, or in a transaction.
const BUSY: &str = "
    SELECT state, query FROM pg_stat_activity WHERE usename = 'flowruns_service' AND state <> 'idle'";

/// A setting of a server, as a variable of its environment.
pub(crate) type Setting = (&'static str, String);

/// Servers that share a database and a signing key.
pub(crate) struct TestCluster {
    pub(crate) servers: Vec<ServerProcess>,
    pub(crate) database: Database,
    pub(crate) token: String,
    /// A client of the first server.
    pub(crate) client: ApiClient,
    folder: TempDir,
}

impl TestCluster {
    /// Starts servers with these settings.
    pub(crate) async fn start(servers: usize, settings: &[Setting]) -> Self {
        let folder = data_folder();
        let options = durable_in(&folder.path().join("database"));
        Self::start_in(folder, options, servers, settings).await
    }

    /// The same with other options of the database.
    pub(crate) async fn start_in(
        folder: TempDir,
        options: ClusterOptions,
        servers: usize,
        settings: &[Setting],
    ) -> Self {
        let token = FLOWRUNS.mint_token(folder.path());
        let mut cluster = Self {
            servers: Vec::new(),
            database: Database::start(options).await,
            client: ApiClient::new("", &token),
            token,
            folder,
        };
        for _ in 0..servers {
            cluster.add_server(settings);
        }
        cluster
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts one more server; its settings override those of the cluster.
    pub(crate) fn add_server(&mut self, settings: &[Setting]) {
        let server = FLOWRUNS
            .server()
            .data_folder(self.folder())
            .env("FLOWRUNS_HTTP__LISTEN", ANY_PORT)
            .env("DATABASE_URL", self.database.url())
            .envs(settings.iter().map(|(name, value)| (name, value)))
            .start();
        if self.servers.is_empty() {
            self.client = ApiClient::new(&server.url(""), &self.token);
        }
        self.servers.push(server);
    }

    /// Sends a request to a path of the first server, or to a URL.
    pub(crate) async fn send(&self, method: &str, target: &str, body: &str) -> ApiResponse {
        self.client.send(method, target, body.to_owned()).await
    }

    /// A new flow's path.
    pub(crate) async fn flow(&self) -> String {
        self.client.create_flow().await
    }

    /// A new run's path.
    pub(crate) async fn run(&self, flow: &str) -> String {
        self.client.create_run(flow).await
    }

    /// The whole history of a run.
    pub(crate) async fn history(&self, run: &str) -> Vec<Value> {
        self.client.history(run).await
    }

    /// The number of entries of a run's history, up to a page; 0 when the run does not exist.
    pub(crate) async fn entries(&self, run: &str) -> usize {
        let response = self.client.get(&format!("{run}/history")).await;
        match response.status {
            404 => 0,
            status => {
                assert_eq!(status, 200, "{}", response.text);
                response.json["value"].as_array().unwrap().len()
            }
        }
    }

    /// The status of `/readyz` of every server.
    pub(crate) async fn readiness(&self) -> Vec<u16> {
        let mut statuses = Vec::new();
        for server in &self.servers {
            statuses.push(self.client.get(&server.url("/readyz")).await.status);
        }
        statuses
    }

    /// Waits until every server can serve again, and starts the database when it has ended.
    pub(crate) async fn recover(&mut self) {
        for _ in 0..LONGEST_RECOVERY {
            if !self.database.is_running() {
                self.database.restart().await;
            }
            if self.are_ready().await {
                return;
            }
        }
        panic!("a server is not ready");
    }

    async fn are_ready(&self) -> bool {
        self.readiness().await.iter().all(|status| *status == 200)
    }

    /// After a fault every server serves, none has panicked, and no session stays in a transaction.
    pub(crate) async fn assert_recovered(&self) {
        let mut attempts = 0..LONGEST_RECOVERY;
        while !self.are_ready().await {
            assert!(attempts.next().is_some(), "a server is not ready");
        }
        self.assert_quiet().await;
    }

    /// No server has panicked, and no session stays at work or in a transaction. Reports
    /// whose client has disconnected may still be in flight; they end by themselves.
    pub(crate) async fn assert_quiet(&self) {
        for server in &self.servers {
            server.assert_no_panic();
        }
        let mut admin = self.database.admin().await;
        let begun = Instant::now();
        // A session does not announce that it is idle, so the loop polls.
        let mut pause = tokio::time::interval(PAUSE);
        loop {
            let busy: Vec<(String, String)> =
                sqlx::query_as(BUSY).fetch_all(&mut admin).await.unwrap();
            if busy.is_empty() {
                return;
            }
            assert!(begun.elapsed() < LONGEST_WORK, "{busy:#?}");
            pause.tick().await;
        }
    }
}
