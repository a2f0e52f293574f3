//! What the tests share.

use std::{
    fs::Permissions,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    process::Command,
    sync::Once,
    thread,
    time::{Duration, Instant},
};

use flowruns_embedded::{Cluster, ClusterOptions, postgres_command};
use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(20);

/// A temporary folder that every user can enter, as the parent of a data folder must be.
pub(crate) fn place() -> TempDir {
    tempfile::Builder::new()
        .prefix("cluster")
        .permissions(Permissions::from_mode(0o711))
        .tempdir()
        .unwrap()
}

pub(crate) fn options(folder: &Path) -> ClusterOptions {
    ClusterOptions {
        durable: false,
        max_connections: 20,
        ..ClusterOptions::new(folder)
    }
}

pub(crate) fn start(folder: &Path) -> Cluster {
    Cluster::start(options(folder)).unwrap()
}

/// Where PostgreSQL is not installed a first start takes longer than a holder is waited for.
pub(crate) fn fetch_programs() {
    static FETCHED: Once = Once::new();
    FETCHED.call_once(|| {
        if postgres_command("psql").is_none() {
            start(place().path()).stop().unwrap();
        }
    });
}

pub(crate) fn query(cluster: &Cluster, sql: &str) -> String {
    assert_eq!(cluster.port(), 5432);
    psql(cluster.socket_folder(), sql).unwrap()
}

/// The answer, or what psql says is wrong.
pub(crate) fn psql(socket_folder: &Path, sql: &str) -> Result<String, String> {
    let answer = psql_command(socket_folder, sql).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if answer.status.success() {
        Ok(text(&answer.stdout))
    } else {
        Err(text(&answer.stderr))
    }
}

pub(crate) fn psql_command(socket_folder: &Path, sql: &str) -> Command {
    let mut command = postgres_command("psql").unwrap();
    command
        .args([
            "--no-psqlrc",
            "--no-align",
            "--tuples-only",
            "--quiet",
            "-p",
            "5432",
            "-U",
            Cluster::SUPERUSER,
            "-h",
        ])
        .arg(socket_folder)
        .args(["-c", sql]);
    command
}

/// Leaves a row to be found after a restart.
pub(crate) fn remember(cluster: &Cluster) {
    query(cluster, "create table remembered as select 42 as answer");
}

pub(crate) fn remembers(cluster: &Cluster) -> bool {
    query(cluster, "select answer from remembered") == "42"
}

pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

pub(crate) fn kill(pid: u32) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
}

/// A process that has ended, but for which nobody has waited, is not running.
pub(crate) fn is_running(pid: u32) -> bool {
    std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|command| !command.is_empty())
}

pub(crate) fn is_root() -> bool {
    geteuid().is_root()
}

pub(crate) fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().mode() & 0o7777
}

pub(crate) fn owner(path: &Path) -> u32 {
    path.metadata().unwrap().uid()
}
