//! A server in a process of its own, and the calls that it prints.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    path::PathBuf,
    process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::{program::flowruns, token::mint_token};

const PRINTED_LINES: usize = 4;

/// A server, and the two calls that it printed, with a token in the place of the variable.
pub(crate) struct Server {
    child: Child,
    stderr: Option<BufReader<ChildStderr>>,
    /// What was read of the log so far.
    log: String,
    _stdout: BufReader<ChildStdout>,
    /// What it printed first.
    pub(crate) printed: String,
    pub(crate) calls: Vec<Call>,
}

/// A printed line of curl, and a token for it.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) token: String,
    pub(crate) body: String,
}

impl Call {
    fn parse(line: &str, token: &str) -> Self {
        let between = |from: &str, to: &str| {
            let start = line.split_once(from).unwrap().1;
            start.split_once(to).unwrap().0.to_owned()
        };
        Self {
            method: between("-X ", " "),
            url: between("'http", "'"),
            token: token.to_owned(),
            body: between("-d '", "'"),
        }
    }

    pub(crate) async fn send(&self) -> (u16, Value) {
        send(
            &self.method,
            &format!("http{}", self.url),
            &self.token,
            &self.body,
        )
        .await
    }
}

pub(crate) async fn send(method: &str, url: &str, token: &str, body: &str) -> (u16, Value) {
    let request = reqwest::Client::new()
        .request(method.parse().unwrap(), url)
        .bearer_auth(token);
    let request = request
        .header("content-type", "application/json")
        .body(body.to_owned());
    let response = request.send().await.unwrap();
    (
        response.status().as_u16(),
        response.json().await.unwrap_or(Value::Null),
    )
}

impl Server {
    pub(crate) fn start(folder: &TempDir) -> Self {
        Self::start_with(folder, &[])
    }

    /// With these variables in its environment.
    pub(crate) fn start_with(folder: &TempDir, settings: &[(&str, &str)]) -> Self {
        Self::start_logging_to(Stdio::piped(), folder, settings)
    }

    /// With its log elsewhere: of a pipe that nobody reads lines are lost.
    pub(crate) fn start_logging_to(
        log: Stdio,
        folder: &TempDir,
        settings: &[(&str, &str)],
    ) -> Self {
        let mut command = flowruns(folder);
        command.envs(settings.iter().copied());
        Self::spawn(command, log)
    }

    /// Starts a command that serves.
    pub(crate) fn spawn(mut command: Command, log: Stdio) -> Self {
        let data_dir = data_dir(&command);
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut text = String::new();
        for _ in 0..PRINTED_LINES {
            stdout.read_line(&mut text).unwrap();
        }
        let stderr = child.stderr.take().map(BufReader::new);
        assert!(text.contains("serves on http://127.0.0.1:"), "{text}");
        let token = mint_token(&data_dir);
        let calls = text
            .lines()
            .filter(|line| line.starts_with("curl"))
            .map(|line| Call::parse(line, &token))
            .collect();
        Self {
            child,
            stderr,
            log: String::new(),
            _stdout: stdout,
            printed: text,
            calls,
        }
    }

    /// Waits for a line of the log with these words.
    pub(crate) fn wait_for_log(&mut self, words: &str) -> String {
        loop {
            let mut line = String::new();
            let read = self.stderr.as_mut().unwrap().read_line(&mut line).unwrap();
            assert_ne!(read, 0, "the log ended: {}", self.log);
            self.log.push_str(&line);
            if line.contains(words) {
                return line;
            }
        }
    }

    /// Where the admin port is; to be asked before anything else is read from the log.
    pub(crate) fn admin_url(&mut self) -> String {
        let line = self.wait_for_log("the admin port is open");
        let address = line.trim().rsplit_once("address=").unwrap().1;
        format!("http://{address}")
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Ends it as an operator does.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.child.wait().unwrap()
    }

    pub(crate) fn wait(&mut self) -> (ExitStatus, String) {
        let mut log = std::mem::take(&mut self.log);
        self.stderr
            .take()
            .unwrap()
            .read_to_string(&mut log)
            .unwrap();
        (self.child.wait().unwrap(), log)
    }

    /// The address of the run that the second call reports on, at this server.
    pub(crate) fn run_url(&self) -> String {
        format!("http{}", self.calls[1].url)
    }
}

fn data_dir(command: &Command) -> PathBuf {
    let mut variables = command.get_envs();
    let (_, value) = variables
        .find(|(name, _)| *name == "FLOWRUNS_DATA_DIR")
        .unwrap();
    PathBuf::from(value.unwrap())
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// The same path at another server, which has another port.
pub(crate) fn at(server: &Server, url: &str) -> String {
    let path = |url: &str| url.splitn(4, '/').nth(3).unwrap().to_owned();
    let root = server.run_url();
    let origin = root.strip_suffix(&path(&root)).unwrap().to_owned();
    format!("{origin}{}", path(url))
}
