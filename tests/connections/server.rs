//! A server with one run to report on, and the connections that it has.

use std::{collections::HashSet, fs, net::SocketAddr, path::PathBuf, process::ExitStatus};

use flowruns_testing::harness::{ServerProcess, data_folder};
use rustix::process::{Pid, Resource, Rlimit, Signal, prlimit};
use tempfile::TempDir;

use crate::FLOWRUNS;

pub(crate) struct Server {
    process: ServerProcess,
    pub(crate) address: SocketAddr,
    pub(crate) token: String,
    /// The path of the runs of the first flow.
    pub(crate) runs: String,
    /// The id of a run that does not exist yet.
    pub(crate) run: String,
}

/// The address of the server, for a connection to it.
impl From<&Server> for SocketAddr {
    fn from(server: &Server) -> Self {
        server.address
    }
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
        let http = http.iter().map(|(name, value)| (format!("FLOWRUNS_HTTP__{name}"), *value));
        let process = FLOWRUNS
            .server()
            .own_data_folder(folder)
            .envs(http)
            .envs(others.iter().map(|(name, path)| (name, path)))
            .start();
        let [creation, _] = process.printed_calls();
        Self {
            address: process.address(),
            token: process.token().to_owned(),
            run: creation.id(),
            runs: creation.path,
            process,
        }
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.process.folder().to_owned()
    }

    pub(crate) fn log(&self) -> String {
        self.process.log()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.process.wait()
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.pid()
    }

    /// The largest resident memory so far, in bytes.
    pub(crate) fn peak_bytes(&self) -> usize {
        self.process.memory().peak.try_into().unwrap()
    }

    /// The number of its open files.
    pub(crate) fn open_files(&self) -> usize {
        let files = fs::read_dir(format!("/proc/{}/fd", self.process.pid()));
        files.unwrap().count()
    }

    /// The socket of the connection from this port, if it was accepted.
    pub(crate) fn socket_of(&self, client_port: u16) -> Option<String> {
        let ports = [self.address.port(), client_port].map(|port| format!(":{port:04X}"));
        let table = fs::read_to_string(format!("/proc/{}/net/tcp", self.process.pid())).unwrap();
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
        let files = fs::read_dir(format!("/proc/{}/fd", self.process.pid())).unwrap();
        files
            .filter_map(|file| fs::read_link(file.ok()?.path()).ok())
            .any(|target| target.as_os_str() == socket)
    }

    /// The number of connections that it has accepted and not closed. Counted by inode, since the table changes while it is read
    /// and may list a connection twice.
    pub(crate) fn connections(&self) -> usize {
        let port = format!(":{:04X}", self.address.port());
        let table = fs::read_to_string(format!("/proc/{}/net/tcp", self.process.pid())).unwrap();
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
        let limit = Rlimit { current: limit, maximum: limit };
        let pid = Pid::from_raw(self.process.pid().try_into().unwrap());
        prlimit(pid, Resource::Nofile, limit).unwrap();
    }
}
