//! A server in a process of its own, the runs of ordinary clients on it, and what must be true in the end.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, ChildStdout, Stdio},
    sync::Mutex,
};

use reqwest::{Client, Method};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    program::{data_folder, flowruns},
    token::mint_token,
};

/// The address, a sentence, and two calls.
const PRINTED_LINES: usize = 4;
/// What says that a server has a defect.
const PANIC: &str = "panicked";

/// A server.
pub(crate) struct Site {
    child: Child,
    log: PathBuf,
    http: Client,
    pub(crate) address: String,
    pub(crate) token: String,
    /// The path of the runs of its one flow.
    pub(crate) list: String,
    _stdout: BufReader<ChildStdout>,
    _folder: TempDir,
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

impl Site {
    /// With these limits, in milliseconds, of what a client may take.
    pub(crate) fn start(header_timeout: u32, request_timeout: u32) -> Self {
        let folder = data_folder();
        let log = folder.path().join("log");
        let of_a_client = ["FIRST_BYTE", "HEADER", "BODY", "IDLE"].map(|step| {
            let name = format!("FLOWRUNS_HTTP__{step}_TIMEOUT_MS");
            (name, header_timeout.to_string())
        });
        let mut child = flowruns(&folder)
            .envs(of_a_client)
            .env(
                "FLOWRUNS_HTTP__REQUEST_TIMEOUT_MS",
                request_timeout.to_string(),
            )
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut text = String::new();
        for _ in 0..PRINTED_LINES {
            stdout.read_line(&mut text).unwrap();
        }
        let between = |from: &str, to: &str| {
            let found = text
                .split_once(from)
                .and_then(|(_, rest)| rest.split_once(to));
            found.unwrap_or_else(|| panic!("{text}")).0.to_owned()
        };
        let address = between("http://", "\n");
        Self {
            child,
            log,
            // A connection that rests may be closed just when it is used again.
            http: Client::builder().pool_max_idle_per_host(0).build().unwrap(),
            token: mint_token(folder.path()),
            list: between(&format!("POST 'http://{address}"), "'"),
            address,
            _stdout: stdout,
            _folder: folder,
        }
    }

    /// A new run.
    pub(crate) async fn run(&self) -> KnownRun {
        let (status, _, run) = self
            .send(Method::POST, &self.list, json!({"displayName": "known"}))
            .await;
        assert_eq!(status, 201, "{run}");
        KnownRun {
            path: format!("{}/{}", self.list, run["id"].as_str().unwrap()),
            acknowledged: Mutex::new(BTreeSet::from([1])),
        }
    }

    /// A report, which must be taken whatever else goes on.
    pub(crate) async fn report(&self, run: &KnownRun, number: u64) {
        let body = json!({"statistics": {"number": number}});
        let (status, tag, run_after) = self.send(Method::PATCH, &run.path, body).await;
        assert_eq!(status, 200, "{run_after}");
        run.acknowledge(&tag);
    }

    async fn send(&self, method: Method, path: &str, body: Value) -> (u16, String, Value) {
        let url = match path.starts_with("http") {
            true => path.to_owned(),
            false => format!("http://{}{path}", self.address),
        };
        let request = self
            .http
            .request(method, url)
            .bearer_auth(&self.token)
            .json(&body);
        let response = request.send().await.unwrap();
        let tag = response.headers().get("etag");
        let tag = tag.map_or_else(String::new, |tag| tag.to_str().unwrap().to_owned());
        (
            response.status().as_u16(),
            tag,
            response.json().await.unwrap_or_default(),
        )
    }

    async fn history(&self, run: &KnownRun) -> BTreeSet<u64> {
        let mut versions = BTreeSet::new();
        let mut next = Some(format!("{}/history?$top=1000", run.path));
        while let Some(url) = next {
            let (status, _, page) = self.send(Method::GET, &url, Value::Null).await;
            assert_eq!(status, 200, "{page}");
            let entries = page["value"].as_array().unwrap().iter();
            versions.extend(entries.map(|entry| entry["version"].as_u64().unwrap()));
            next = page["@odata.nextLink"].as_str().map(str::to_owned);
        }
        versions
    }

    /// Ends it. It serves until then, it ends as it should, the runs have the history that was acknowledged, and no defect is in its log.
    pub(crate) async fn end_unharmed(mut self, runs: &[&KnownRun]) {
        for run in runs {
            self.report(run, u64::MAX).await;
            let acknowledged = run.acknowledged.lock().unwrap().clone();
            assert!(acknowledged.len() > 1, "{acknowledged:?}");
            assert_eq!(self.history(run).await, acknowledged);
        }
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        let log = fs::read_to_string(&self.log).unwrap();
        let panicked = log.lines().find(|line| line.contains(PANIC));
        assert_eq!(panicked, None);
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}
