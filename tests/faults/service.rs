//! A server in a process of its own, which is killed and started again at the same address.

use std::{
    fs::{self, OpenOptions},
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::program::flowruns;

/// An address that no client has: a client's own port could otherwise be the one that a server comes back to.
const ANY_PORT: &str = "127.0.0.2:0";
/// Where it serves, and what to try first.
const PRINTED_LINES: usize = 4;
/// What says that a server has a defect.
const PANIC: &str = "panicked";

/// A setting of a server, as a variable of its environment.
pub(crate) type Setting = (&'static str, String);

/// A server.
pub(crate) struct Service {
    child: Child,
    address: String,
    settings: Vec<Setting>,
    log: PathBuf,
}

impl Service {
    /// Starts it on the data folder that it shares with others; `name` is that of its log.
    pub(crate) fn start(folder: &TempDir, name: &str, settings: Vec<Setting>) -> Self {
        let log = folder.path().join(format!("{name}.log"));
        let (child, address) = spawn(folder, ANY_PORT, &settings, &log);
        Self {
            child,
            address,
            settings,
            log,
        }
    }

    /// Ends it as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        kill_process(Pid::from_child(&self.child), Signal::KILL).unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again after [`Service::kill`].
    pub(crate) fn restart(&mut self, folder: &TempDir) {
        let (child, address) = spawn(folder, &self.address, &self.settings, &self.log);
        assert_eq!(address, self.address);
        self.child = child;
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The most memory that it ever held, in KiB.
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:"));
        let number = line.unwrap().split_whitespace().nth(1).unwrap();
        number.parse().unwrap()
    }

    pub(crate) fn assert_no_panic(&self) {
        let log = fs::read_to_string(&self.log).unwrap();
        let panics: Vec<&str> = log.lines().filter(|line| line.contains(PANIC)).collect();
        assert!(panics.is_empty(), "{panics:#?}");
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Starts a server and waits until it says where it serves. Its log is appended to a file, which never blocks it.
fn spawn(folder: &TempDir, listen: &str, settings: &[Setting], log: &Path) -> (Child, String) {
    let file = OpenOptions::new().create(true).append(true).open(log);
    let mut child = flowruns(folder)
        .env("FLOWRUNS_HTTP__LISTEN", listen)
        .envs(settings.iter().map(|(name, value)| (*name, value)))
        .stdout(Stdio::piped())
        .stderr(file.unwrap())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut said = String::new();
    for _ in 0..PRINTED_LINES {
        stdout.read_line(&mut said).unwrap();
    }
    let first = said
        .lines()
        .next()
        .and_then(|line| line.rsplit_once("http://"));
    let Some((_, address)) = first else {
        child.wait().unwrap();
        panic!("{}", fs::read_to_string(log).unwrap());
    };
    (child, address.to_owned())
}
