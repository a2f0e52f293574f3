//! How the process ends, and environment variables that it must survive.

use std::{ffi::OsStr, fs, os::unix::ffi::OsStrExt as _};

use flowruns_testing::harness::{Http1Connection, data_folder};
use rustix::process::{Pid, Signal, kill_process};

use crate::{
    FLOWRUNS,
    server::{start, start_with},
};

#[tokio::test]
async fn a_connection_that_does_not_show_its_protocol_is_closed() {
    let folder = data_folder();
    let settings = [
        ("FLOWRUNS_HTTP__HEADER_TIMEOUT_MS", "300"),
        ("FLOWRUNS_HTTP__FIRST_BYTE_TIMEOUT_MS", "300"),
    ];
    let server = start_with(&folder, &settings);
    let beginnings: [&[u8]; 4] = [b"", b"P", b"PRI * HTTP/2.0\r\n", b"GET / HTTP/1.1\r\nHo"];
    for beginning in beginnings {
        let mut connection = Http1Connection::that_sent(server.address(), beginning).await;
        // The server may send a response before it closes.
        connection.closed().await;
    }
}

#[tokio::test]
async fn a_silent_connection_does_not_delay_the_drain() {
    let folder = data_folder();
    let mut server = start(&folder);
    let mut silent = Http1Connection::connect(server.address()).await;
    // The second connection has a response, so the first one was accepted before it.
    let livez = b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let mut second = Http1Connection::that_sent(server.address(), livez).await;
    second.closed().await;
    server.signal(Signal::TERM);
    silent.closed().await;
    let status = server.wait();
    let log = server.log();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(!log.contains("still in flight"), "{log}");
}

#[test]
fn the_server_ends_with_a_failure_when_its_database_dies() {
    let folder = data_folder();
    let mut server = start(&folder);
    let pid_file = fs::read_to_string(folder.path().join("postgres/postmaster.pid")).unwrap();
    let postmaster = pid_file.lines().next().unwrap().parse().unwrap();
    kill_process(Pid::from_raw(postmaster).unwrap(), Signal::KILL).unwrap();
    let status = server.wait();
    let log = server.log();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(log.contains("ERROR") && log.contains("error: the embedded PostgreSQL ended"));
}

#[test]
fn a_variable_that_is_not_utf8_is_ignored_and_a_broken_url_is_not_shown() {
    let folder = data_folder();
    let broken = OsStr::from_bytes(b"postgres://u:secret\xff@h/d");
    let other =
        FLOWRUNS.command(folder.path()).arg("token").env("LESSOPEN", broken).output().unwrap();
    assert_eq!(other.status.code(), Some(0));
    let rejected = FLOWRUNS.command(folder.path()).env("DATABASE_URL", broken).output().unwrap();
    let message = String::from_utf8_lossy(&rejected.stderr);
    assert_eq!(rejected.status.code(), Some(1), "{message}");
    assert!(message.contains("DATABASE_URL") && !message.contains("secret"), "{message}");
}

#[test]
fn a_token_that_would_be_expired_at_once_is_not_minted() {
    let folder = data_folder();
    let rejected =
        FLOWRUNS.command(folder.path()).args(["token", "--ttl", "500ms"]).output().unwrap();
    assert_eq!(rejected.status.code(), Some(2));
    assert!(rejected.stdout.is_empty());
}
