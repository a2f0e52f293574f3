//! A server, the runs of ordinary clients on it, and what must be true in the end.

use std::{collections::BTreeSet, net::SocketAddr, sync::Mutex};

use flowruns_testing::harness::{ApiClient, ServerProcess};
use serde_json::json;

use crate::FLOWRUNS;

pub(crate) struct Server {
    process: ServerProcess,
    client: ApiClient,
    /// The path of the runs of its only flow.
    pub(crate) list: String,
}

/// A run whose reports are counted.
pub(crate) struct KnownRun {
    pub(crate) path: String,
    /// The versions that were acknowledged.
    acknowledged: Mutex<BTreeSet<u64>>,
}

impl KnownRun {
    /// Notes the version of a tag, if it is one of this run.
    pub(crate) fn acknowledge(&self, tag: &str) {
        let id = self.path.rsplit('/').next().unwrap().replace('-', "");
        let mut parts = tag.trim_end_matches('"').rsplit('.');
        let (version, of) = (parts.next(), parts.next());
        if of == Some(id.as_str()) {
            let version = version.unwrap().parse().unwrap();
            self.acknowledged.lock().unwrap().insert(version);
        }
    }
}

impl Server {
    /// Starts a server with these time-outs in milliseconds: of each step of a client, and of a whole request.
    pub(crate) fn start(step_timeout: u32, request_timeout: u32) -> Self {
        let steps = ["FIRST_BYTE", "HEADER", "BODY", "IDLE"].map(|step| {
            let name = format!("FLOWRUNS_HTTP__{step}_TIMEOUT_MS");
            (name, step_timeout.to_string())
        });
        let request_timeout = request_timeout.to_string();
        let process = FLOWRUNS
            .server()
            .envs(steps)
            .env("FLOWRUNS_HTTP__REQUEST_TIMEOUT_MS", request_timeout)
            .start();
        let [creation, _] = process.printed_calls();
        Self { client: process.client(), process, list: creation.path }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.process.address()
    }

    pub(crate) fn token(&self) -> &str {
        self.process.token()
    }

    /// Creates a run.
    pub(crate) async fn run(&self) -> KnownRun {
        KnownRun {
            path: self.client.create(&self.list, r#"{"displayName":"known"}"#).await,
            acknowledged: Mutex::new(BTreeSet::from([1])),
        }
    }

    /// Sends a report, which must be accepted whatever other clients send.
    pub(crate) async fn report(&self, run: &KnownRun, number: u64) {
        let body = json!({"statistics": {"number": number}}).to_string();
        let response = self.client.send("PATCH", &run.path, body).await;
        assert_eq!(response.status, 200, "{}", response.text);
        run.acknowledge(response.header("etag"));
    }

    /// Stops the server. Until then it serves, it ends as it must, the histories of the runs have exactly the versions that were
    /// acknowledged, and nothing has panicked.
    pub(crate) async fn stop_unharmed(mut self, runs: &[&KnownRun]) {
        for run in runs {
            self.report(run, u64::MAX).await;
            let acknowledged = run.acknowledged.lock().unwrap().clone();
            assert!(acknowledged.len() > 1, "{acknowledged:?}");
            let history = self.client.history(&run.path).await;
            let versions = history.iter().map(|entry| entry["version"].as_u64().unwrap());
            assert_eq!(versions.collect::<BTreeSet<_>>(), acknowledged);
        }
        assert_eq!(self.process.stop().code(), Some(0));
        self.process.assert_no_panic();
    }
}
