//! A server in a process of its own, with one run to report on.

use std::{
    collections::HashSet,
    fs::{self, File},
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, ChildStdout, ExitStatus, Stdio},
};

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use tempfile::TempDir;

use crate::{
    program::{data_folder, flowruns},
    token::mint_token,
};

/// The lines that `serve` prints: its address and two curl commands.
const PRINTED_LINES: usize = 4;

pub(crate) struct Server {
    child: Child,
    _stdout: BufReader<ChildStdout>,
    folder: TempDir,
    pub(crate) address: SocketAddr,
    pub(crate) token: String,
    /// The path of the runs of the first flow.
    pub(crate) runs: String,
    /// The id of a run that does not exist yet.
    pub(crate) run: String,
}

impl Server {
    /// Starts it with these settings of the section `http`, in the notation of the environment.
    pub(crate) fn start(http: &[(&str, &str)]) -> Self {
        Self::start_in(data_folder(), http, &[])
    }

    /// Starts it in this folder, with these settings of the section `http` and other variables.
    pub(crate) fn start_in(
        folder: TempDir,
        http: &[(&str, &str)],
        others: &[(&str, PathBuf)],
    ) -> Self {
        let http = http
            .iter()
            .map(|(name, value)| (format!("FLOWRUNS_HTTP__{name}"), *value));
        // A log file never blocks the server.
        let mut child = flowruns(&folder)
            .envs(http)
            .envs(others.iter().cloned())
            .stdout(Stdio::piped())
            .stderr(File::create(log_file(&folder)).unwrap())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut printed = String::new();
        for _ in 0..PRINTED_LINES {
            stdout.read_line(&mut printed).unwrap();
        }
        let between = |from: &str, to: &str| {
            let rest = printed.split_once(from).map(|(_, rest)| rest);
            let found = rest.and_then(|rest| rest.split_once(to));
            let (found, _) = found.unwrap_or_else(|| {
                panic!("{}", fs::read_to_string(log_file(&folder)).unwrap());
            });
            found.to_owned()
        };
        let origin = between("serves on ", "\n");
        let authority = origin.split_once("://").unwrap().1;
        Self {
            address: authority.parse().unwrap(),
            token: mint_token(folder.path()),
            runs: between(&format!("-X POST '{origin}"), "'"),
            run: between("{\"id\":\"", "\""),
            child,
            _stdout: stdout,
            folder,
        }
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(log_file(&self.folder)).unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The largest resident memory so far, in bytes.
    pub(crate) fn peak_bytes(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = peak.unwrap().trim().trim_end_matches(" kB");
        kib.parse::<usize>().unwrap() * 1024
    }

    /// The number of its open files.
    pub(crate) fn open_files(&self) -> usize {
        let files = fs::read_dir(format!("/proc/{}/fd", self.child.id()));
        files.unwrap().count()
    }

    /// The socket of the connection from this port, if it was accepted.
    pub(crate) fn socket_of(&self, client_port: u16) -> Option<String> {
        let ports = [self.address.port(), client_port].map(|port| format!(":{port:04X}"));
        let table = fs::read_to_string(format!("/proc/{}/net/tcp", self.child.id())).unwrap();
        table.lines().find_map(|line| {
            let fields: Vec<_> = line.split_whitespace().collect();
            let [_, local, remote, _, _, _, _, _, _, inode, ..] = fields[..] else {
                return None;
            };
            let is_it = local.ends_with(&ports[0]) && remote.ends_with(&ports[1]) && inode != "0";
            is_it.then(|| format!("socket:[{inode}]"))
        })
    }

    /// Whether this socket is open, also after the client has reset the connection.
    pub(crate) fn has_open(&self, socket: &str) -> bool {
        let files = fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap();
        files
            .filter_map(|file| fs::read_link(file.ok()?.path()).ok())
            .any(|target| target.as_os_str() == socket)
    }

    /// The number of connections that it has accepted and not closed. Counted by inode, since the table changes while it is read
    /// and may list a connection twice.
    pub(crate) fn connections(&self) -> usize {
        let port = format!(":{:04X}", self.address.port());
        let table = fs::read_to_string(format!("/proc/{}/net/tcp", self.child.id())).unwrap();
        let accepted = table.lines().filter_map(|line| {
            let fields: Vec<_> = line.split_whitespace().collect();
            let [_, local, _, state, _, _, _, _, _, inode, ..] = fields[..] else {
                return None;
            };
            let is_open = local.ends_with(&port) && state == "01" && inode != "0";
            is_open.then(|| inode.to_owned())
        });
        accepted.collect::<HashSet<_>>().len()
    }

    /// Limits it to `more` file descriptors in addition to the open ones.
    pub(crate) fn leave_descriptors(&self, more: usize) {
        let limit = Some((self.open_files() + more) as u64);
        let limit = Rlimit {
            current: limit,
            maximum: limit,
        };
        prlimit(Some(Pid::from_child(&self.child)), Resource::Nofile, limit).unwrap();
    }
}

fn log_file(folder: &TempDir) -> PathBuf {
    folder.path().join("log")
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}
