//! A caller that sends ordinary requests during an attack, and counts those that are rejected.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, PoisonError},
};

use flowruns_testing::harness::ApiClient;
use serde_json::Value;

use crate::server::send;

const FIRST: &str = r#"{"displayName":"During an attack"}"#;
const PROGRESS: &str = r#"{"statistics":{"rows":1}}"#;
const END: &str = r#"{"status":"completed"}"#;

pub(crate) struct OtherCaller {
    client: ApiClient,
    /// The path of its runs.
    runs: String,
    /// The paths of runs that stay open until a round ends them.
    open: Vec<String>,
    /// The paths of runs whose end was acknowledged.
    ended: Mutex<Vec<String>>,
}

/// How many requests of each kind had the expected status, and how often another status was seen, with the code of the
/// error; 0 is no response.
#[derive(Default)]
pub(crate) struct Outcomes {
    accepted: BTreeMap<&'static str, usize>,
    rejected: BTreeMap<(&'static str, u16, String), usize>,
}

impl Outcomes {
    pub(crate) fn count(&mut self, kind: &'static str, response: &(u16, Value), expected: u16) {
        let (status, body) = response;
        if *status == expected {
            *self.accepted.entry(kind).or_default() += 1;
        } else {
            let code = body["error"]["innerError"]["code"].as_str();
            let code = code.unwrap_or_default().to_owned();
            *self.rejected.entry((kind, *status, code)).or_default() += 1;
        }
    }

    pub(crate) fn accepted(&self) -> usize {
        self.accepted.values().sum()
    }

    pub(crate) fn rejected(&self) -> usize {
        self.rejected.values().sum()
    }

    pub(crate) fn add(&mut self, other: Self) {
        for (kind, count) in other.accepted {
            *self.accepted.entry(kind).or_default() += count;
        }
        for (kind, count) in other.rejected {
            *self.rejected.entry(kind).or_default() += count;
        }
    }
}

impl fmt::Display for Outcomes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.accepted(), self.rejected())
    }
}

impl fmt::Debug for Outcomes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "accepted {:?}, rejected {:?}", self.accepted, self.rejected)
    }
}

impl OtherCaller {
    /// Creates a run for each round.
    pub(crate) async fn create(client: ApiClient, runs: String, rounds: usize) -> Self {
        let mut open = Vec::new();
        for _ in 0..rounds {
            open.push(client.create(&runs, FIRST).await);
        }
        Self { client, runs, open, ended: Mutex::default() }
    }

    /// One request of each kind for each run, one after the other.
    pub(crate) async fn work(&self) -> Outcomes {
        let mut outcomes = Outcomes::default();
        for run in &self.open {
            outcomes.count("POST", &self.create_run().await, 201);
            outcomes.count("PATCH", &self.send("PATCH", run, PROGRESS).await, 200);
            outcomes.count("GET", &self.send("GET", run, "").await, 200);
            outcomes.count("list", &self.send("GET", &self.runs, "").await, 200);
            let response = self.send("PATCH", run, END).await;
            outcomes.count("end", &response, 200);
            if response.0 == 200 {
                self.ended().push(run.clone());
            }
        }
        outcomes
    }

    /// Reads every run again whose end was acknowledged.
    pub(crate) async fn assert_nothing_lost(&self) {
        let ended = self.ended().clone();
        for run in ended {
            let (status, found) = self.send("GET", &run, "").await;
            assert_eq!((status, &found["status"]), (200, &"completed".into()), "{run}");
        }
    }

    async fn create_run(&self) -> (u16, Value) {
        self.send("POST", &self.runs, FIRST).await
    }

    async fn send(&self, method: &str, path: &str, body: &'static str) -> (u16, Value) {
        send(&self.client, method, path, body).await
    }

    fn ended(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
