//! A server that takes the tokens of an issuer on loopback.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, ChildStdout, Stdio},
    time::Duration,
};

use flowruns_testing::issuer::{LocalIssuer, SigningKey};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::timeout;

use crate::program::{data_folder, flowruns};

pub(crate) const AUDIENCE: &str = "api://flowruns";
pub(crate) const TENANT: &str = "1e0c5e0a-4f7b-4a35-9a5c-7b0f2d7f3c55";
/// Far from now.
const EXPIRY: u64 = 4_102_444_800;
/// After so long what must happen soon is given up.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Server {
    child: Child,
    list: String,
    http: Client,
    _stdout: BufReader<ChildStdout>,
    _folder: TempDir,
}

impl Server {
    pub(crate) fn start(settings: &[(&str, &str)]) -> Self {
        let folder = data_folder();
        let mut child = flowruns(&folder)
            .envs(settings.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let (_, url) = line.trim().split_once("serves on ").unwrap();
        Self {
            child,
            list: format!("{url}/industryData/incomingFlows"),
            http: Client::new(),
            _stdout: stdout,
            _folder: folder,
        }
    }

    /// One issuer, asked again for an unknown key as soon as may be, but for these settings.
    pub(crate) fn of(issuer: &LocalIssuer, others: &[(&str, &str)]) -> Self {
        let mut settings = vec![
            ("FLOWRUNS_AUTH__ISSUER", issuer.name()),
            ("FLOWRUNS_AUTH__AUDIENCE", AUDIENCE),
            ("FLOWRUNS_AUTH__REFRESH_COOLDOWN_MS", "100"),
        ];
        settings.extend(others);
        Self::start(&settings)
    }

    pub(crate) async fn ask(&self, token: &str) -> Response {
        let request = self.http.get(&self.list).bearer_auth(token);
        request.send().await.unwrap()
    }

    /// The address of a list that any token may read.
    pub(crate) fn list(&self) -> &str {
        &self.list
    }

    /// The most memory that the process has had resident.
    pub(crate) fn peak_bytes(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:"));
        let kib = line.unwrap().split_whitespace().nth(1).unwrap();
        kib.parse::<usize>().unwrap() * 1024
    }

    pub(crate) async fn status(&self, token: &str) -> u16 {
        self.ask(token).await.status().as_u16()
    }

    /// Asks until the token is taken.
    pub(crate) async fn until_taken(&self, token: &str) {
        in_time(async { while self.status(token).await != 200 {} }).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// What must come true soon.
pub(crate) async fn in_time<T>(what: impl Future<Output = T>) -> T {
    timeout(PATIENCE, what).await.unwrap()
}

/// What a good token of an issuer claims, with a subject of its own so that no two are the same.
pub(crate) fn claims(issuer: &str, subject: &str) -> Value {
    json!({"iss": issuer, "aud": AUDIENCE, "tid": TENANT, "sub": subject, "exp": EXPIRY,
        "roles": ["IndustryData-Run.Read.All"]})
}

/// A good token, if the key is the issuer's.
pub(crate) fn token(issuer: &LocalIssuer, key: &SigningKey, subject: &str) -> String {
    key.token(&claims(issuer.name(), subject))
}
