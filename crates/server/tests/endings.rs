//! How the process ends, and what it does not put up with.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall fail")]

#[path = "../../../tests/process/program.rs"]
mod program;

use std::{
    ffi::OsStr,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    os::unix::ffi::OsStrExt as _,
    process::{Child, ChildStderr, ChildStdout, Command, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

use crate::program::{data_folder, flowruns};

/// Far more than what the tests wait for takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server that serves.
struct Server {
    child: Child,
    address: SocketAddr,
    stderr: ChildStderr,
    _stdout: BufReader<ChildStdout>,
}

impl Server {
    fn start(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let address = line.trim().rsplit('/').next().unwrap().parse().unwrap();
        let stderr = child.stderr.take().unwrap();
        // The address is printed with the curl lines, just before serving starts.
        Self {
            child,
            address,
            stderr,
            _stdout: stdout,
        }
    }

    /// The exit code and the whole log.
    fn wait(&mut self) -> (Option<i32>, String) {
        let mut log = String::new();
        self.stderr.read_to_string(&mut log).unwrap();
        (self.child.wait().unwrap().code(), log)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

#[test]
fn a_client_that_does_not_say_what_it_speaks_is_cut_off() {
    let folder = data_folder();
    let mut command = flowruns(&folder);
    command
        .env("FLOWRUNS_HTTP__HEADER_TIMEOUT_MS", "300")
        .env("FLOWRUNS_HTTP__FIRST_BYTE_TIMEOUT_MS", "300");
    let server = Server::start(command);
    let beginnings: [&[u8]; 4] = [b"", b"P", b"PRI * HTTP/2.0\r\n", b"GET / HTTP/1.1\r\nHo"];
    for beginning in beginnings {
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(beginning).unwrap();
        // What it may say before it hangs up does not matter; a time-out of ours would be an error here.
        stream.read_to_end(&mut Vec::new()).unwrap();
    }
}

#[test]
fn a_silent_client_does_not_hold_up_the_drain() {
    let folder = data_folder();
    let mut server = Server::start(flowruns(&folder));
    let mut silent = TcpStream::connect(server.address).unwrap();
    silent.set_read_timeout(Some(PATIENCE)).unwrap();
    // A second connection that is answered: the first was accepted before it.
    let mut second = TcpStream::connect(server.address).unwrap();
    second
        .write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .unwrap();
    second.read_to_end(&mut Vec::new()).unwrap();
    kill_process(Pid::from_child(&server.child), Signal::TERM).unwrap();
    silent.read_to_end(&mut Vec::new()).unwrap();
    let (code, log) = server.wait();
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains("still in flight"), "{log}");
}

#[test]
fn the_server_ends_with_a_failure_when_its_database_dies() {
    let folder = data_folder();
    let mut server = Server::start(flowruns(&folder));
    let pid_file = fs::read_to_string(folder.path().join("postgres/postmaster.pid")).unwrap();
    let postmaster = pid_file.lines().next().unwrap().parse().unwrap();
    kill_process(Pid::from_raw(postmaster).unwrap(), Signal::KILL).unwrap();
    let (code, log) = server.wait();
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("ERROR") && log.contains("error: the embedded PostgreSQL ended"));
}

#[test]
fn an_environment_that_is_not_utf8_is_survived_and_a_broken_url_is_not_shown() {
    let folder = data_folder();
    let broken = OsStr::from_bytes(b"postgres://u:secret\xff@h/d");
    let other = flowruns(&folder)
        .arg("token")
        .env("LESSOPEN", broken)
        .output()
        .unwrap();
    assert_eq!(other.status.code(), Some(0));
    let refused = flowruns(&folder)
        .env("DATABASE_URL", broken)
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{message}");
    assert!(
        message.contains("DATABASE_URL") && !message.contains("secret"),
        "{message}"
    );
}

#[test]
fn a_token_that_would_be_expired_at_once_is_not_minted() {
    let folder = data_folder();
    let refused = flowruns(&folder)
        .args(["token", "--ttl", "500ms"])
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(refused.stdout.is_empty());
}
