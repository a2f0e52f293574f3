//! Helpers of the tests.

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

const TIME_LIMIT: Duration = Duration::from_secs(20);

/// A temporary folder that every user can enter, as the parent of a data folder must be.
pub(crate) fn temp_folder() -> TempDir {
    tempfile::Builder::new()
        .prefix("cluster")
        .permissions(Permissions::from_mode(0o711))
        .tempdir()
        .unwrap()
}

pub(crate) fn options(folder: &Path) -> ClusterOptions {
    let mut options = ClusterOptions::new(folder);
    options.durable = false;
    options.max_connections = 20;
    options
}

pub(crate) fn start(folder: &Path) -> Cluster {
    Cluster::start(options(folder)).unwrap()
}

/// Downloads PostgreSQL if it is not installed: a first start would exceed the time limit for a [`ClusterProcess`].
///
/// [`ClusterProcess`]: crate::cluster_process::ClusterProcess
pub(crate) fn fetch_programs() {
    static FETCHED: Once = Once::new();
    FETCHED.call_once(|| {
        if postgres_command("psql").is_none() {
            start(temp_folder().path()).stop().unwrap();
        }
    });
}

pub(crate) fn query(cluster: &Cluster, sql: &str) -> String {
    assert_eq!(cluster.port(), 5432);
    psql(cluster.socket_folder(), sql).unwrap()
}

/// The output of psql, or its error output.
pub(crate) fn psql(socket_folder: &Path, sql: &str) -> Result<String, String> {
    let output = psql_command(socket_folder, sql).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
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

/// Writes a row that [`remembers`] finds after a restart.
pub(crate) fn remember(cluster: &Cluster) {
    query(cluster, "create table remembered as select 42 as answer");
}

pub(crate) fn remembers(cluster: &Cluster) -> bool {
    query(cluster, "select answer from remembered") == "42"
}

pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + TIME_LIMIT;
    while !condition() {
        assert!(Instant::now() < deadline, "time limit exceeded: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

pub(crate) fn kill(pid: u32) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
}

/// A zombie process is not running.
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
