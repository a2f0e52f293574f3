//! A site: a database, servers on it, and what must be true of them after a fault.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use flowruns_embedded::ClusterOptions;
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    database::{Database, durable_in},
    program::{data_folder, flowruns},
    service::{Service, Setting},
    token::mint_token,
};

/// A request that nobody answers is cut off after so long, so that a test which hangs fails instead.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longer than a statement may take; the service's own time-out of idle transactions comes later.
const LONGEST_WORK: Duration = Duration::from_secs(15);
/// In questions whether a server is ready; one that is not takes its time to answer.
const LONGEST_RECOVERY: usize = 1000;
const PAUSE: Duration = Duration::from_millis(20);

/// The sessions of the servers that are at work, or in a transaction.
const BUSY: &str = "
    SELECT state, query FROM pg_stat_activity WHERE usename = 'flowruns_service' AND state <> 'idle'";

/// Servers that share a database and a signing key.
pub(crate) struct Site {
    pub(crate) services: Vec<Service>,
    pub(crate) database: Database,
    pub(crate) token: String,
    http: reqwest::Client,
    folder: TempDir,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<String>,
    pub(crate) text: String,
    pub(crate) json: Value,
}

impl Site {
    /// So many servers with these settings.
    pub(crate) async fn start(servers: usize, settings: &[Setting]) -> Self {
        let folder = data_folder();
        let options = durable_in(&folder.path().join("database"));
        Self::start_in(folder, options, servers, settings).await
    }

    /// With the database in a place of its own.
    pub(crate) async fn start_in(
        folder: TempDir,
        options: ClusterOptions,
        servers: usize,
        settings: &[Setting],
    ) -> Self {
        let mut site = Self {
            services: Vec::new(),
            database: Database::start(options).await,
            token: mint_token(folder.path()),
            http: reqwest::Client::builder()
                .timeout(PATIENCE)
                .build()
                .unwrap(),
            folder,
        };
        for _ in 0..servers {
            site.add_server(settings);
        }
        site
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts one more server; its settings win over those of the site.
    pub(crate) fn add_server(&mut self, own: &[Setting]) {
        let mut settings = vec![("DATABASE_URL", self.database.url())];
        settings.extend(own.iter().cloned());
        let log = format!("server{}", self.services.len());
        let service = Service::start(&self.folder, &log, settings);
        self.services.push(service);
    }

    /// Starts a killed server again.
    pub(crate) fn restart(&mut self, server: usize) {
        self.services[server].restart(&self.folder);
    }

    pub(crate) async fn send(&self, method: &str, url: &str, body: &str) -> Answer {
        let request = self
            .http
            .request(method.parse().unwrap(), url)
            .bearer_auth(&self.token)
            .header("content-type", "application/json");
        let response = request.body(body.to_owned()).send().await.unwrap();
        let retry_after = response.headers().get("retry-after");
        let retry_after = retry_after.map(|value| value.to_str().unwrap().to_owned());
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        Answer {
            status,
            retry_after,
            json: serde_json::from_str(&text).unwrap_or(Value::Null),
            text,
        }
    }

    /// A new flow's path.
    pub(crate) async fn flow(&self) -> String {
        let flows = "/industryData/incomingFlows";
        let flow = self.create(flows, r#"{"displayName":"Faults"}"#).await;
        format!("{flows}/{flow}")
    }

    /// A new run's path.
    pub(crate) async fn run(&self, flow: &str) -> String {
        let runs = format!("{flow}/runs");
        let run = self.create(&runs, r#"{"displayName":"Hot"}"#).await;
        format!("{runs}/{run}")
    }

    async fn create(&self, path: &str, body: &str) -> String {
        let url = format!("{}{path}", self.services[0].url());
        let answer = self.send("POST", &url, body).await;
        assert_eq!(answer.status, 201, "{}", answer.json);
        answer.json["id"].as_str().unwrap().to_owned()
    }

    /// The whole history of a run.
    pub(crate) async fn history(&self, run: &str) -> Vec<Value> {
        let mut entries = Vec::new();
        let mut next = Some(format!("{}{run}/history?$top=1000", self.services[0].url()));
        while let Some(url) = next {
            let answer = self.send("GET", &url, "").await;
            assert_eq!(answer.status, 200, "{}", answer.json);
            entries.extend(answer.json["value"].as_array().unwrap().iter().cloned());
            next = answer.json["@odata.nextLink"].as_str().map(str::to_owned);
        }
        entries
    }

    /// How many entries the history of a run has, up to a page; 0 when there is no such run.
    pub(crate) async fn entries(&self, run: &str) -> usize {
        let url = format!("{}{run}/history", self.services[0].url());
        let answer = self.send("GET", &url, "").await;
        match answer.status {
            404 => 0,
            status => {
                assert_eq!(status, 200, "{}", answer.json);
                answer.json["value"].as_array().unwrap().len()
            }
        }
    }

    /// What `/readyz` of every server says.
    pub(crate) async fn readiness(&self) -> Vec<u16> {
        let mut statuses = Vec::new();
        for service in &self.services {
            let url = format!("{}/readyz", service.url());
            statuses.push(self.send("GET", &url, "").await.status);
        }
        statuses
    }

    /// Waits until every server can serve again, and starts the database when it has ended.
    pub(crate) async fn recover(&mut self) {
        for _ in 0..LONGEST_RECOVERY {
            if !self.database.is_running() {
                self.database.restart().await;
            }
            if self.readiness().await.iter().all(|status| *status == 200) {
                return;
            }
        }
        panic!("a server is not ready");
    }

    /// After a fault every server serves, none has panicked, and no session stays in a transaction.
    pub(crate) async fn assert_recovered(&self) {
        assert_eq!(self.readiness().await, vec![200; self.services.len()]);
        self.assert_quiet().await;
    }

    /// No server has panicked, and no session stays at work or in a transaction. Reports that nobody waits for may still
    /// be at work; they end by themselves.
    pub(crate) async fn assert_quiet(&self) {
        for service in &self.services {
            service.assert_no_panic();
        }
        let mut admin = self.database.admin().await;
        let begun = Instant::now();
        // A session that comes to rest tells nobody, so it is asked again and again.
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
