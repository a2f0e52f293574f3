//! A server in a process of its own.

use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, ChildStdout, ExitStatus},
    sync::{Mutex, OnceLock},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::{ApiClient, ProcessMemory, ServerBuilder, log::Log};

/// Lines after the address that a server without an issuer prints: a sentence and two curl calls.
const LINES_AFTER_ADDRESS: usize = 3;

/// A running server. The process is killed when the value is dropped.
#[derive(Debug)]
pub struct ServerProcess {
    child: Child,
    // Kept open: a write to a closed pipe would fail in the server.
    stdout: Mutex<BufReader<ChildStdout>>,
    address: SocketAddr,
    origin: String,
    token: OnceLock<String>,
    printed: OnceLock<String>,
    first_line: String,
    log: Log,
    /// Bytes of the log that [`Self::wait_for_log`] has read.
    log_read: usize,
    options: ServerBuilder,
}

/// A curl call that a server without an issuer prints.
#[derive(Clone, Debug)]
pub struct PrintedCall {
    /// The HTTP method.
    pub method: String,
    /// The path of the URL.
    pub path: String,
    /// The JSON body.
    pub body: String,
}

impl PrintedCall {
    fn parse(line: &str, origin: &str) -> Self {
        let between = |from: &str, to: &str| {
            let (_, rest) = line.split_once(from).unwrap();
            rest.split_once(to).unwrap().0.to_owned()
        };
        Self {
            method: between("-X ", " "),
            path: between(&format!("'{origin}"), "'"),
            body: between("-d '", "'"),
        }
    }

    /// The member `id` of the body.
    pub fn id(&self) -> String {
        let body: Value = serde_json::from_str(&self.body).unwrap();
        body["id"].as_str().unwrap().to_owned()
    }
}

impl ServerProcess {
    pub(super) fn spawn(options: ServerBuilder, log: Log) -> Self {
        let (child, stdout, first_line) = options.spawn(&log);
        let Some((_, origin)) = first_line.trim_end().rsplit_once(' ') else {
            panic!("{first_line}{}", log.read());
        };
        let (_, authority) = origin.split_once("://").unwrap();
        Self {
            child,
            stdout: Mutex::new(stdout),
            address: authority.parse().unwrap(),
            origin: origin.to_owned(),
            token: OnceLock::new(),
            printed: OnceLock::new(),
            first_line,
            log,
            log_read: 0,
            options,
        }
    }

    /// Where the server listens for the API.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// The data folder.
    pub fn folder(&self) -> &Path {
        self.options.folder()
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A token of the local key with all permissions; the first call mints it.
    pub fn token(&self) -> &str {
        let mint = || self.options.binary.mint_token(self.folder());
        self.token.get_or_init(mint)
    }

    /// A client with [`Self::token`].
    pub fn client(&self) -> ApiClient {
        ApiClient::new(&self.origin, self.token())
    }

    /// What a server without an issuer prints on stdout.
    pub fn printed(&self) -> &str {
        self.printed.get_or_init(|| {
            let mut stdout = self.stdout.lock().unwrap();
            let mut printed = self.first_line.clone();
            for _ in 0..LINES_AFTER_ADDRESS {
                stdout.read_line(&mut printed).unwrap();
            }
            printed
        })
    }

    /// The calls that it prints: the creation of a run, and the report that it has completed.
    pub fn printed_calls(&self) -> [PrintedCall; 2] {
        let mut lines = self.printed().lines().filter(|line| line.starts_with("curl"));
        [(); 2].map(|()| PrintedCall::parse(lines.next().unwrap(), &self.origin))
    }

    /// The whole log.
    pub fn log(&self) -> String {
        self.log.read()
    }

    /// Waits for the next line of the log with these words, after the line that the previous call returned.
    pub fn wait_for_log(&mut self, words: &str) -> String {
        let (line, end) = self.log.find(self.log_read, words);
        self.log_read = end;
        line
    }

    /// The URL of the admin port.
    pub fn admin_url(&self) -> String {
        let (line, _) = self.log.find(0, "the admin port is open");
        let (_, address) = line.rsplit_once("address=").unwrap();
        format!("http://{}", address.trim())
    }

    /// Fails when the log contains a panic.
    pub fn assert_no_panic(&self) {
        let log = self.log();
        let panics: Vec<&str> = log.lines().filter(|line| line.contains("panicked")).collect();
        assert!(panics.is_empty(), "{panics:#?}");
    }

    /// The memory of the process.
    pub fn memory(&self) -> ProcessMemory {
        ProcessMemory::of(self.pid()).unwrap()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits until the process ends.
    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// Ends the process as `kill -9` does.
    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.wait();
    }

    /// Ends the process as an operator does, with SIGTERM.
    pub fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.wait()
    }

    /// Starts the server again at the same address, after [`Self::kill`] or [`Self::stop`].
    pub fn restart(&mut self) {
        self.options.set_address(self.address);
        let (child, stdout, line) = self.options.spawn(&self.log);
        assert!(line.trim_end().ends_with(&self.origin), "{line}{}", self.log());
        self.child = child;
        self.stdout = Mutex::new(stdout);
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}
